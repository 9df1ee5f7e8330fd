// What all attempts of a worker share.
#ifndef ECGTRAIN_WORKER_AGENT_RUNNER_SERVICES_H_
#define ECGTRAIN_WORKER_AGENT_RUNNER_SERVICES_H_

#include <filesystem>
#include <vector>

#include "common/clock.h"
#include "ecgtrain/v1/job.pb.h"
#include "worker/agent/coordinator_link.h"
#include "worker/agent/device_reservations.h"
#include "worker/agent/pack_store.h"
#include "worker/agent/settings.h"
#include "worker/agent/uploader.h"

namespace ecgtrain {

// Outlives the attempts. Its members are thread-safe or never change.
struct RunnerServices {
  const AgentSettings& settings;
  const std::vector<v1::Device>& devices;
  CoordinatorLink& link;
  Uploader& uploader;
  PackStore& packs;
  DeviceReservations& reservations;
  Clock& clock;
  std::filesystem::path attempts;  // folder of run directories
  std::filesystem::path orphans;   // where those go that are nobody's any more
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_RUNNER_SERVICES_H_
