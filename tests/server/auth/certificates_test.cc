#include "server/auth/certificates.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Certificate Load(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> memory(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
  return Certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr), X509_free);
}

TEST(CertificatesTest, TheServersCertificateIsSignedByTheAuthorityForItsHosts) {
  const auto made = MakeCertificates({"coordinator.lab", "10.1.2.3"}, kNow);
  ASSERT_THAT(made, IsOk());
  const Certificate ca = Load(made->ca_pem), server = Load(made->server_pem);
  ASSERT_NE(ca, nullptr);
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(X509_verify(server.get(), X509_get0_pubkey(ca.get())), 1);
  EXPECT_EQ(X509_check_host(server.get(), "coordinator.lab", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(server.get(), "10.1.2.3", 0), 1);
  EXPECT_EQ(X509_check_host(server.get(), "elsewhere.lab", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ca(ca.get()), 1);
  EXPECT_EQ(X509_check_ca(server.get()), 0);
}

TEST(CertificatesTest, ItIsValidNowAndForTwoYears) {
  const auto made = MakeCertificates({"localhost"}, kNow);
  ASSERT_THAT(made, IsOk());
  const Certificate server = Load(made->server_pem);
  time_t now = absl::ToTimeT(kNow), later = absl::ToTimeT(kNow + absl::Hours(24 * 800));
  EXPECT_LT(X509_cmp_time(X509_get0_notBefore(server.get()), &now), 0);
  EXPECT_GT(X509_cmp_time(X509_get0_notAfter(server.get()), &later), 0);
}

TEST(CertificatesTest, OddHostsAreRefused) {
  for (const char* host : {"", "a b", "x,DNS:evil", "host/path"}) {
    EXPECT_THAT(MakeCertificates({host}, kNow), StatusIs(absl::StatusCode::kInvalidArgument)) << host;
  }
  EXPECT_THAT(MakeCertificates({}, kNow), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace ecgtrain
