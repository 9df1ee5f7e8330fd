#include "worker/data/source_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

absl::Status OpenError(int error, const std::filesystem::path& path) {
  if (error == ELOOP || error == ENOTDIR) {
    return absl::DataLossError(
        absl::StrCat("cannot open ", path.string(),
                     ": a part of it is a symbolic link or not a folder; a data set holds "
                     "plain files in plain folders"));
  }
  if (error == ENAMETOOLONG) {
    return absl::DataLossError(absl::StrCat(
        "cannot open ", path.string(), ": a part of the name is longer than ", "the name of a file can be"));
  }
  return FileError(error, "open", path);
}

absl::StatusOr<struct stat> StatRegular(int fd, const std::filesystem::path& path) {
  struct stat info;
  if (fstat(fd, &info) != 0) return FileError(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) return absl::DataLossError(absl::StrCat(path.string(), " is not a plain file"));
  return info;
}

}  // namespace

absl::StatusOr<SourceFolder> SourceFolder::Open(const std::filesystem::path& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOTDIR) return absl::NotFoundError(absl::StrCat(path.string(), " is not a folder"));
    return FileError(errno, "open folder", path);
  }
  return SourceFolder(path, std::move(fd));
}

absl::StatusOr<UniqueFd> SourceFolder::OpenPart(absl::string_view name) const {
  if (name.size() >= PATH_MAX) {
    return absl::DataLossError(absl::StrCat("file name ", Quoted(name), " in ", path_.string(), " has ",
                                            name.size(), " bytes; the limit is ", PATH_MAX - 1));
  }
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  for (const std::string& part : parts) {
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos) {
      return absl::DataLossError(absl::StrCat("file name ", Quoted(name), " in ", path_.string(),
                                              " is refused: expected a relative name without \"..\" parts"));
    }
  }
  UniqueFd folder;
  int at = fd_.get();
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    UniqueFd next(openat(at, parts[i].c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return OpenError(errno, path_ / std::string(name));
    folder = std::move(next);
    at = folder.get();
  }
  // O_NONBLOCK: a FIFO in place of a file must not hang the reader.
  UniqueFd fd(openat(at, parts.back().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return OpenError(errno, path_ / std::string(name));
  return fd;
}

absl::StatusOr<std::string> SourceFile::ReadAt(uint64_t offset, uint64_t size) const {
  if (offset > size_ || size > size_ - offset) {
    return absl::DataLossError(absl::StrCat(path_.string(), ": expected ", size, " bytes at offset ", offset,
                                            "; the file has ", size_, " bytes"));
  }
  std::string content(size, '\0');
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t got =
        pread(fd_.get(), content.data() + done, content.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "read", path_);
    if (got == 0)
      return absl::DataLossError(absl::StrCat(path_.string(), " became shorter while it was read"));
    done += got;
  }
  return content;
}

absl::StatusOr<SourceFile> SourceFolder::OpenFile(absl::string_view name) const {
  std::filesystem::path path = path_ / std::string(name);
  ASSIGN_OR_RETURN(UniqueFd fd, OpenPart(name));
  ASSIGN_OR_RETURN(const struct stat info, StatRegular(fd.get(), path));
  return SourceFile(std::move(path), std::move(fd), static_cast<uint64_t>(info.st_size));
}

absl::StatusOr<std::string> SourceFolder::Read(absl::string_view name, uint64_t limit) const {
  ASSIGN_OR_RETURN(const SourceFile file, OpenFile(name));
  if (file.size() > limit) {
    return absl::DataLossError(
        absl::StrCat(file.path().string(), " has ", file.size(), " bytes, more than the limit of ", limit));
  }
  return file.ReadAt(0, file.size());
}

absl::StatusOr<std::vector<std::string>> SourceFolder::List(absl::string_view suffix) const {
  constexpr int kMaxDepth = 4;
  constexpr size_t kMaxFiles = 20'000'000;
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(path_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const std::filesystem::file_type type = entry->symlink_status(error).type();
    if (error) break;
    if (type == std::filesystem::file_type::directory && (name[0] == '.' || entry.depth() >= kMaxDepth))
      entry.disable_recursion_pending();
    if (type != std::filesystem::file_type::regular || name[0] == '.' || !absl::EndsWith(name, suffix))
      continue;
    names.push_back(entry->path().lexically_relative(path_).string());
    if (names.size() > kMaxFiles)
      return absl::ResourceExhaustedError(absl::StrCat(path_.string(), " holds over ", kMaxFiles, " files"));
  }
  if (error) return FileError(error.value(), "list folder", path_);
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<SourceFileInfo> SourceFolder::Stat(absl::string_view name) const {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenPart(name));
  ASSIGN_OR_RETURN(const struct stat info, StatRegular(fd.get(), path_ / std::string(name)));
  return SourceFileInfo{static_cast<uint64_t>(info.st_size),
                        int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

}  // namespace ecgtrain
