// Answers `pack` as ecg-data does. A data set whose path ends in an exit code ("/somewhere/exit-3") fails
// with it; each call adds a line with its arguments to CACHE/calls. Waits for a writer of CACHE/hold where
// that is a FIFO.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 2; i + 1 < argc; ++i) options[argv[i]] = argv[i + 1];
  const std::filesystem::path cache = options["--cache"];
  std::ofstream calls(cache / "calls", std::ios::app);
  for (int i = 1; i < argc; ++i) calls << argv[i] << (i + 1 < argc ? ' ' : '\n');
  calls.close();
  std::ifstream(cache / "hold").peek();
  std::cerr << "packing " << options["--type"] << "\n";
  const std::string name = std::filesystem::path(options["--path"]).filename();
  if (name.rfind("exit-", 0) == 0) return std::atoi(name.c_str() + 5);
  const std::filesystem::path pack = cache / (options["--type"] + "-" + options["--rate"] + ".pack");
  std::ofstream(pack) << "a pack";
  std::cout << "working\n{\"path\": \"" << pack.string() << "\", \"source_digest\": \"00\"}\n";
  return 0;
}
