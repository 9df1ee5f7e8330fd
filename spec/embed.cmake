# cmake -DINPUT=file -DOUTPUT=file.cc -DNAME=kName -P embed.cmake: the bytes of INPUT as ecgtrain::NAME.
file(READ "${INPUT}" bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE "${OUTPUT}" "#include \"spec/embedded.h\"\n\nnamespace ecgtrain {\n\nstatic constexpr unsigned char kBytes[] = {${bytes}};\n"
  "const EmbeddedBytes ${NAME} = {kBytes, sizeof(kBytes)};\n\n}  // namespace ecgtrain\n")
