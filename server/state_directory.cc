#include "server/state_directory.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/status_macros.h"
#include "server/auth/certificates.h"
#include "server/auth/tokens.h"
#include "server/store/sqlite/sqlite_job_store.h"

namespace ecgtrain {
namespace {

absl::Status WriteToken(JobStore& store, const v1::CreateTokenRequest& request,
                        const std::filesystem::path& path, absl::Time now) {
  ASSIGN_OR_RETURN(NewToken made, MakeToken(request, now));
  RETURN_IF_ERROR(WriteFileDurably(path, absl::StrCat(made.secret, "\n"), 0600));
  return store.WriteAndWait([&](StoreTransaction& transaction) {
    TokenRow row = made.row;
    return transaction.InsertToken(row);
  });
}

absl::Status WriteCertificates(const StatePaths& paths, const std::vector<std::string>& hosts,
                               absl::Time now) {
  ASSIGN_OR_RETURN(const ServerCertificates made, MakeCertificates(hosts, now));
  RETURN_IF_ERROR(MakeDirectories(paths.tls, 0700));
  RETURN_IF_ERROR(WriteFileDurably(paths.tls / "ca.pem", made.ca_pem));
  RETURN_IF_ERROR(WriteFileDurably(paths.tls / "server.pem", made.server_pem));
  return WriteFileDurably(paths.tls / "server.key", made.server_key_pem, 0600);
}

v1::CreateTokenRequest FirstToken(const char* principal, const char* role) {
  v1::CreateTokenRequest request;
  request.set_principal(principal);
  request.set_role(role);
  request.set_description("made by ecg-coordinator init");
  return request;
}

}  // namespace

absl::Status InitializeState(const std::filesystem::path& state_dir,
                             const std::vector<std::string>& tls_hosts, Clock& clock) {
  const StatePaths paths(state_dir);
  std::error_code error;
  if (std::filesystem::exists(paths.database, error)) {
    return absl::AlreadyExistsError(absl::StrCat(
        paths.root.string(), " is initialised already; make further tokens with ecgctl token create"));
  }
  RETURN_IF_ERROR(MakeDirectories(paths.root, 0700));
  const absl::Time now = clock.Now();
  RETURN_IF_ERROR(WriteCertificates(paths, tls_hosts, now));
  ASSIGN_OR_RETURN(const std::unique_ptr<JobStore> store,
                   SqliteJobStore::Open({.path = paths.database.string(), .clock = clock}));
  RETURN_IF_ERROR(WriteToken(*store, FirstToken("admin", "admin"), paths.admin_token, now));
  return WriteToken(*store, FirstToken("*", "worker"), paths.worker_token, now);
}

}  // namespace ecgtrain
