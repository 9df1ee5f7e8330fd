#include "server/coordinator/notification_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ecgtrain {
namespace {

using testing::ElementsAre;

class Recorder final : public Listener {
 public:
  Recorder(std::string name, std::vector<std::string>& woken) : name_(std::move(name)), woken_(woken) {}
  void Notify() override { woken_.push_back(name_); }

 private:
  const std::string name_;
  std::vector<std::string>& woken_;
};

class NotificationHubTest : public testing::Test {
 protected:
  NotificationHub hub_;
  std::vector<std::string> woken_;
  Recorder listeners_[3] = {{"first", woken_}, {"second", woken_}, {"third", woken_}};
};

// Not in the order of their addresses: replayed histories depend on it.
TEST_F(NotificationHubTest, WakesListenersInTheOrderInWhichTheyCame) {
  for (const int i : {2, 0, 1}) hub_.Subscribe("worker/a", listeners_[i]);
  hub_.Publish("worker/a");
  EXPECT_THAT(woken_, ElementsAre("third", "first", "second"));
}

TEST_F(NotificationHubTest, WakesOnlyTheListenersOfATopic) {
  hub_.Subscribe("worker/a", listeners_[0]);
  hub_.Subscribe("worker/b", listeners_[1]);
  hub_.Publish("worker/b");
  hub_.Publish("worker/c");
  EXPECT_THAT(woken_, ElementsAre("second"));
}

TEST_F(NotificationHubTest, LeavesThoseAloneWhoHaveGone) {
  hub_.Subscribe("worker/a", listeners_[0]);
  hub_.Subscribe("worker/a", listeners_[1]);
  hub_.Unsubscribe("worker/a", listeners_[0]);
  hub_.Unsubscribe("worker/a", listeners_[2]);  // never was there
  hub_.Unsubscribe("worker/b", listeners_[1]);  // not there
  hub_.Publish("worker/a");
  EXPECT_THAT(woken_, ElementsAre("second"));
}

TEST_F(NotificationHubTest, WakesEverybodyWhenAsked) {
  hub_.Subscribe("worker/a", listeners_[0]);
  hub_.Subscribe("job/1", listeners_[1]);
  hub_.PublishAll();
  EXPECT_THAT(woken_, ElementsAre("second", "first"));
}

}  // namespace
}  // namespace ecgtrain
