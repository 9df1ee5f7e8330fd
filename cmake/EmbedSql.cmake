# cmake -DOUTPUT=FILE.cc "-DINPUTS=0001_a.sql|0002_b.sql" -P EmbedSql.cmake: the numbered migrations as a C++ table. A raw
# string literal may hold 64 KiB; migrations are far smaller.
string(REPLACE "|" ";" _inputs "${INPUTS}")
set(_rows "")
foreach(_input IN LISTS _inputs)
  get_filename_component(_name "${_input}" NAME_WE)
  string(REGEX MATCH "^0*([0-9]+)_" _matched "${_name}")
  if(NOT _matched)
    message(FATAL_ERROR "migration ${_input} has no number")
  endif()
  set(_number "${CMAKE_MATCH_1}")
  file(READ "${_input}" _sql)
  string(APPEND _rows "    {${_number}, \"${_name}\", R\"sql(${_sql})sql\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "#include \"server/store/sqlite/migrations.h\"

namespace ecgtrain {
namespace {

constexpr Migration kMigrations[] = {
${_rows}};

}  // namespace

absl::Span<const Migration> Migrations() { return kMigrations; }

}  // namespace ecgtrain
")
