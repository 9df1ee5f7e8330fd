#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace ecgtrain {
namespace {

constexpr size_t kChunk = 64 << 10;
// How often a limited proxy looks whether more may pass.
constexpr int kTickMilliseconds = 10;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd Socket() {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

void DoNotBlock(const UniqueFd& fd) { fcntl(fd.get(), F_SETFL, O_NONBLOCK); }

UniqueFd ConnectTo(const std::string& target) {
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(target.substr(target.rfind(':') + 1), &port)) << target;
  UniqueFd fd = Socket();
  const sockaddr_in address = Loopback(static_cast<uint16_t>(port));
  // Refused at once where nobody listens: the caller then sees its connection end.
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return UniqueFd();
  DoNotBlock(fd);
  return fd;
}

}  // namespace

TcpProxy::TcpProxy(const std::string& target)
    : target_(target), listener_(Socket()), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listener_.get(), 64), 0);
  DoNotBlock(listener_);
  EXPECT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  thread_ = std::thread([this] { Run(); });
}

TcpProxy::~TcpProxy() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
}

void TcpProxy::Hold(bool to_target, bool to_caller) {
  {
    MutexLock lock(mutex_);
    held_ = {to_target, to_caller};
  }
  Wake();
}

void TcpProxy::Cut(bool stay) {
  {
    MutexLock lock(mutex_);
    cut_ = stay;
    connections_.clear();
  }
  Wake();
}

void TcpProxy::Limit(uint64_t bytes_per_second) {
  {
    MutexLock lock(mutex_);
    limit_ = bytes_per_second;
    refilled_ = absl::Now();
  }
  Wake();
}

void TcpProxy::Open() {
  {
    MutexLock lock(mutex_);
    cut_ = false;
    held_ = {false, false};
    limit_ = 0;
  }
  Wake();
}

size_t TcpProxy::connections() {
  MutexLock lock(mutex_);
  return connections_.size();
}

void TcpProxy::Wake() { eventfd_write(wake_.get(), 1); }

void TcpProxy::Accept() {
  UniqueFd caller(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!caller.valid() || cut_) return;
  UniqueFd target = ConnectTo(target_);
  if (!target.valid()) return;
  connections_.emplace_back();
  connections_.back().ends = {std::move(caller), std::move(target)};
}

void TcpProxy::Refill(absl::Time now) {
  if (limit_ == 0) return;
  const auto more =
      static_cast<int64_t>(absl::ToDoubleSeconds(now - refilled_) * static_cast<double>(limit_));
  if (more == 0) return;
  refilled_ = now;
  for (Connection& connection : connections_) {
    for (Lane& lane : connection.lanes)
      lane.allowance = std::min<int64_t>(lane.allowance + more, static_cast<int64_t>(limit_));
  }
}

size_t TcpProxy::MayRead(const Lane& lane, int from) const {
  if (held_[from] || lane.ended || !lane.waiting.empty()) return 0;
  if (limit_ == 0) return kChunk;
  return std::min<size_t>(kChunk, static_cast<size_t>(std::max<int64_t>(lane.allowance, 0)));
}

void TcpProxy::Move(Connection& connection, int from) {
  Lane& lane = connection.lanes[from];
  const int to = connection.ends[1 - from].get();
  if (const size_t may = MayRead(lane, from); may > 0) {
    std::string chunk(may, '\0');
    const ssize_t got = read(connection.ends[from].get(), chunk.data(), chunk.size());
    if (got > 0) {
      chunk.resize(static_cast<size_t>(got));
      lane.waiting = std::move(chunk);
      lane.allowance -= got;
    } else if (got == 0) {
      lane.ended = true;
      shutdown(to, SHUT_WR);
    } else if (errno != EAGAIN) {
      connection.broken = true;
    }
  }
  if (lane.waiting.empty() || held_[from]) return;
  const ssize_t sent = send(to, lane.waiting.data(), lane.waiting.size(), MSG_NOSIGNAL);
  if (sent > 0) lane.waiting.erase(0, static_cast<size_t>(sent));
  if (sent < 0 && errno != EAGAIN) connection.broken = true;
}

void TcpProxy::Run() {
  while (true) {
    std::vector<pollfd> watched = {{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    bool limited = false;
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      limited = limit_ > 0;
      for (const Connection& connection : connections_) {
        for (const int from : {0, 1}) {
          const Lane& out = connection.lanes[1 - from];
          short events = 0;
          if (MayRead(connection.lanes[from], from) > 0) events |= POLLIN;
          if (!out.waiting.empty() && !held_[1 - from]) events |= POLLOUT;
          // Without either, not even an end that hangs up is of interest: it would wake us again and again.
          watched.push_back({events != 0 ? connection.ends[from].get() : -1, events, 0});
        }
      }
    }
    poll(watched.data(), watched.size(), limited ? kTickMilliseconds : -1);
    eventfd_t woken = 0;
    eventfd_read(wake_.get(), &woken);
    MutexLock lock(mutex_);
    if ((watched[1].revents & POLLIN) != 0) Accept();
    Refill(absl::Now());
    for (Connection& connection : connections_) {
      for (const int from : {0, 1}) Move(connection, from);
    }
    connections_.remove_if([](const Connection& connection) {
      const bool over = connection.lanes[0].ended && connection.lanes[1].ended &&
                        connection.lanes[0].waiting.empty() && connection.lanes[1].waiting.empty();
      return connection.broken || over;
    });
  }
}

}  // namespace ecgtrain
