#include "server/coordinator/explanations.h"

#include "common/status_macros.h"
#include "tests/server/coordinator/coordinator_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using Plan = std::shared_ptr<const SchedulerPlan>;

class ExplanationsTest : public CoordinatorFixture {
 protected:
  Explanations::Question Ask() { return coordinator_->explanations().Ask(); }
  Plan Recent(const Explanations::Question& question) {
    Plan plan;
    EXPECT_THAT(store_.Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(plan, question.Recent(reader));
      return absl::OkStatus();
    }),
                IsOk());
    return plan;
  }
  Plan Fresh(const Explanations::Question& question) {
    Plan plan;
    EXPECT_THAT(store_.Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(plan, question.Fresh(reader));
      return absl::OkStatus();
    }),
                IsOk());
    return plan;
  }
};

TEST_F(ExplanationsTest, OnePlanServesAllUntilSomethingChanges) {
  const int64_t first = SubmitOne(Pretrain());
  const Plan plan = Recent(Ask());
  EXPECT_TRUE(plan->pending.contains(first));
  EXPECT_EQ(Recent(Ask()), plan);
  const int64_t second = SubmitOne(Pretrain());
  const Plan next = Recent(Ask());
  EXPECT_TRUE(next->pending.contains(first));
  EXPECT_TRUE(next->pending.contains(second));
}

// The scheduler's pass and an answer that follows it are of one plan.
TEST_F(ExplanationsTest, AnswersTakeThePlanOfThePass) {
  SubmitOne(Pretrain());
  const Plan pass = Fresh(Ask());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Recent(Ask()), pass);
  EXPECT_NE(Fresh(Ask()), pass) << "a pass sees the workers as they are now";
}

TEST_F(ExplanationsTest, APlanIsKeptForFiveSecondsAtMost) {
  SubmitOne(Pretrain());
  const Plan plan = Recent(Ask());
  clock_.Advance(absl::Seconds(4));
  EXPECT_EQ(Recent(Ask()), plan);
  clock_.Advance(absl::Seconds(1));
  EXPECT_NE(Recent(Ask()), plan);
}

// A reader whose snapshot may lack the latest change leaves no plan to those who ask after it.
TEST_F(ExplanationsTest, APlanForAnEarlierQuestionIsNotTakenForALaterOne) {
  const Explanations::Question early = Ask();
  SubmitOne(Pretrain());
  const Plan maybe_without_it = Recent(early);
  EXPECT_NE(Recent(Ask()), maybe_without_it);
}

}  // namespace
}  // namespace ecgtrain
