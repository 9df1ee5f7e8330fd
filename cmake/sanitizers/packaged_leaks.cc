// What the leak sanitizer finds in packaged libraries and nobody here can free.

extern "C" const char* __lsan_default_suppressions() {
  // c-ares keeps the name of the last lookup, ten bytes of "localhost".
  return "leak:ares_strdup\n";
}

// Tests read what a program says; nothing of this is for them.
extern "C" const char* __lsan_default_options() { return "print_suppressions=0"; }
