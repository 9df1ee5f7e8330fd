// Prints docs/job-specification.md.
#include <cstdio>
#include <string>

#include "spec/spec_reference.h"

int main() {
  const std::string page = ecgtrain::SpecReference();
  return std::fwrite(page.data(), 1, page.size(), stdout) == page.size() && std::fflush(stdout) == 0 ? 0 : 1;
}
