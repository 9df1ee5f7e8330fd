#include "server/auth/certificates.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kLife = absl::Hours(24 * 825);

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Memory = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

absl::Status OpensslError(absl::string_view operation) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof(text));
  return absl::InternalError(absl::StrCat(operation, " failed: ", text));
}

// "DNS:host,IP:10.0.0.1"
absl::StatusOr<std::string> AlternativeNames(const std::vector<std::string>& hosts) {
  std::vector<std::string> names;
  for (const std::string& host : hosts) {
    unsigned char address[16];
    if (inet_pton(AF_INET, host.c_str(), address) == 1 || inet_pton(AF_INET6, host.c_str(), address) == 1) {
      names.push_back(absl::StrCat("IP:", host));
      continue;
    }
    const bool plain = std::all_of(host.begin(), host.end(), [](char c) {
      return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '*';
    });
    if (host.empty() || host.size() > 253 || !plain) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", host, "\" is neither a host name nor an IP address"));
    }
    names.push_back(absl::StrCat("DNS:", host));
  }
  if (names.empty()) return absl::InvalidArgumentError("a server certificate needs at least one host");
  return absl::StrJoin(names, ",");
}

absl::Status AddExtension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1)
    return OpensslError("X509V3_EXT_conf_nid");
  return absl::OkStatus();
}

absl::Status SetSerial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) return OpensslError("RAND_bytes");
  bytes[0] &= 0x7f;  // positive
  std::unique_ptr<BIGNUM, Deleter<BN_free>> number(BN_bin2bn(bytes, sizeof(bytes), nullptr));
  if (number == nullptr || BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return OpensslError("BN_to_ASN1_INTEGER");
  }
  return absl::OkStatus();
}

struct Subject {
  const char* name;
  EVP_PKEY* key;
};
struct Issuer {
  X509* certificate;  // null: signs itself
  EVP_PKEY* key;
};

absl::StatusOr<Certificate> Sign(Subject subject, Issuer issuer, absl::Time now,
                                 const std::vector<std::pair<int, std::string>>& extensions) {
  Certificate certificate(X509_new());
  if (certificate == nullptr || X509_set_version(certificate.get(), 2) != 1) return OpensslError("X509_new");
  RETURN_IF_ERROR(SetSerial(certificate.get()));
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), absl::ToTimeT(now - absl::Hours(24)));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), absl::ToTimeT(now + kLife));
  X509_NAME* name = X509_get_subject_name(certificate.get());
  if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>(subject.name), -1, -1, 0) != 1) {
    return OpensslError("X509_NAME_add_entry_by_txt");
  }
  X509* signer = issuer.certificate == nullptr ? certificate.get() : issuer.certificate;
  if (X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer)) != 1 ||
      X509_set_pubkey(certificate.get(), subject.key) != 1) {
    return OpensslError("X509_set_pubkey");
  }
  for (const auto& [id, value] : extensions)
    RETURN_IF_ERROR(AddExtension(certificate.get(), signer, id, value));
  if (X509_sign(certificate.get(), issuer.key, EVP_sha256()) == 0) return OpensslError("X509_sign");
  return certificate;
}

std::string Text(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<size_t>(size));
}

absl::StatusOr<std::string> ToPem(X509* certificate) {
  Memory memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || PEM_write_bio_X509(memory.get(), certificate) != 1)
    return OpensslError("PEM_write_bio_X509");
  return Text(memory.get());
}

absl::StatusOr<std::string> ToPem(EVP_PKEY* key) {
  Memory memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpensslError("PEM_write_bio_PKCS8PrivateKey");
  }
  return Text(memory.get());
}

}  // namespace

absl::StatusOr<ServerCertificates> MakeCertificates(const std::vector<std::string>& hosts, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string names, AlternativeNames(hosts));
  const Key ca_key(EVP_EC_gen("P-256"));
  const Key server_key(EVP_EC_gen("P-256"));
  if (ca_key == nullptr || server_key == nullptr) return OpensslError("EVP_EC_gen");
  ASSIGN_OR_RETURN(const Certificate ca, Sign({"ecgtrain CA", ca_key.get()}, {nullptr, ca_key.get()}, now,
                                              {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                               {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                               {NID_subject_key_identifier, "hash"}}));
  ASSIGN_OR_RETURN(const Certificate server,
                   Sign({"ecg-coordinator", server_key.get()}, {ca.get(), ca_key.get()}, now,
                        {{NID_basic_constraints, "critical,CA:FALSE"},
                         {NID_key_usage, "critical,digitalSignature"},
                         {NID_ext_key_usage, "serverAuth"},
                         {NID_subject_key_identifier, "hash"},
                         {NID_authority_key_identifier, "keyid"},
                         {NID_subject_alt_name, names}}));
  ServerCertificates made;
  ASSIGN_OR_RETURN(made.ca_pem, ToPem(ca.get()));
  ASSIGN_OR_RETURN(made.server_pem, ToPem(server.get()));
  ASSIGN_OR_RETURN(made.server_key_pem, ToPem(server_key.get()));
  return made;
}

}  // namespace ecgtrain
