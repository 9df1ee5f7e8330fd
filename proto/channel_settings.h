// Connection settings of both ends in one place: keepalive that only one end knows ends streams.
#ifndef ECGTRAIN_PROTO_CHANNEL_SETTINGS_H_
#define ECGTRAIN_PROTO_CHANNEL_SETTINGS_H_

#include <grpcpp/grpcpp.h>
#include <malloc.h>

namespace ecgtrain {

inline constexpr int kMaxMessageBytes = 8 << 20;
inline constexpr int kChunkBytes = 512 << 10;
inline constexpr int kApiVersion = 1;

// Has the process keep the memory of a chunk for the next one. Given back to the system and taken again, as
// the allocator does with blocks of this size, it costs a fifth of a transfer's time. Once, when a program
// starts.
inline void KeepMemoryOfChunks() {
  mallopt(M_MMAP_THRESHOLD, kMaxMessageBytes);
  mallopt(M_TRIM_THRESHOLD, 8 * kMaxMessageBytes);
}

// `own_connection`: bulk transfers use a channel whose connection nobody shares, so that a heartbeat never
// waits behind a checkpoint.
inline grpc::ChannelArguments ClientChannelArguments(bool own_connection = false) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  if (own_connection) arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

inline void ApplyServerSettings(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1024);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
}

}  // namespace ecgtrain

#endif  // ECGTRAIN_PROTO_CHANNEL_SETTINGS_H_
