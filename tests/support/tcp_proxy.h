// A network that a test can break: passes bytes on between callers on the loopback and one address.
#ifndef ECGTRAIN_TESTS_SUPPORT_TCP_PROXY_H_
#define ECGTRAIN_TESTS_SUPPORT_TCP_PROXY_H_

#include <array>
#include <cstdint>
#include <list>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "common/mutex.h"
#include "common/unique_fd.h"

namespace ecgtrain {

// Thread-safe.
class TcpProxy {
 public:
  // `target` is "127.0.0.1:PORT".
  explicit TcpProxy(const std::string& target);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  // "127.0.0.1:PORT", for the callers.
  const std::string& address() const { return address_; }

  // Bytes in these directions stay where they are while the connections stay up: a half-open network, or one
  // that is dark in one direction.
  void Hold(bool to_target, bool to_caller);
  // Ends all connections, and with `stay` every new one, too. What was under way is lost.
  void Cut(bool stay);
  // A byte limit a second, connection and direction; 0: none.
  void Limit(uint64_t bytes_per_second);
  size_t connections();
  // Passes everything on again.
  void Open();

 private:
  struct Lane {
    std::string waiting;
    bool ended = false;
    int64_t allowance = 0;
  };
  struct Connection {
    std::array<UniqueFd, 2> ends;  // caller, target
    std::array<Lane, 2> lanes;     // to target, to caller
    bool broken = false;
  };

  void Run();
  void Wake();
  void Accept() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Refill(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Moves what can be moved now from end `from` to the other.
  void Move(Connection& connection, int from) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  size_t MayRead(const Lane& lane, int from) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string target_;
  UniqueFd listener_;
  UniqueFd wake_;
  std::string address_;

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool cut_ ABSL_GUARDED_BY(mutex_) = false;
  std::array<bool, 2> held_ ABSL_GUARDED_BY(mutex_) = {false, false};
  uint64_t limit_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time refilled_ ABSL_GUARDED_BY(mutex_);
  std::list<Connection> connections_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_SUPPORT_TCP_PROXY_H_
