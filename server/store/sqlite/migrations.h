// The numbered files of server/store/migrations, embedded at build time.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_MIGRATIONS_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_MIGRATIONS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ecgtrain {

struct Migration {
  int version;  // `user_version` of the database afterwards
  absl::string_view name;
  absl::string_view sql;
};

// In rising order of versions, from 1, without gaps.
absl::Span<const Migration> Migrations();

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_MIGRATIONS_H_
