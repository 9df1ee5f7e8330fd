// Answers `pack` as ecg-data does. A data set whose path ends in an exit code ("/somewhere/exit-3") fails
// with it, and so does each call while CACHE/exit holds one; each call adds a line with its arguments to
// CACHE/calls. Waits for a writer of CACHE/hold where that is a FIFO. The source digest begins with the
// content of CACHE/source.
#include <cstdio>
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
  const std::filesystem::path running = cache / "running";  // of one call at a time
  std::FILE* alone = std::fopen(running.c_str(), "wx");
  if (alone == nullptr) return 99;
  std::fclose(alone);
  std::ifstream(cache / "hold").peek();
  std::filesystem::remove(running);
  std::cerr << "packing " << options["--type"] << "\n";
  const std::string name = std::filesystem::path(options["--path"]).filename();
  if (name.rfind("exit-", 0) == 0) return std::atoi(name.c_str() + 5);
  if (int code = 0; std::ifstream(cache / "exit") >> code) return code;
  std::string source;
  std::ifstream(cache / "source") >> source;
  source.resize(64, 'a');
  const std::string digest(source.rbegin(), source.rend());
  const std::filesystem::path pack = cache / (options["--type"] + "-" + options["--rate"] + ".pack");
  std::ofstream(pack) << "a pack";
  std::cout << "working\n{\"path\": \"" << pack.string() << "\", \"source_digest\": \"" << source
            << "\", \"digest\": \"" << digest << "\", \"rate\": " << options["--rate"]
            << ", \"highpass\": true, \"records\": 10, \"unknown\": [1]}\n";
  return 0;
}
