#include "worker/data/leads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> Names() {
  return {"V6", "DI", "ii", "DIII", "AVR", "aVF", "AVL", "v1", "V2", "V3", "V4", "V5"};
}

TEST(LeadsTest, LeadsAreFoundByNameWhateverTheirOrder) {
  const auto leads = FindLeads(Names(), "r");
  ASSERT_TRUE(leads.ok()) << leads.status();
  EXPECT_THAT(*leads, ::testing::ElementsAre(1, 2, 3, 4, 6, 5, 7, 8, 9, 10, 11, 0));
}

TEST(LeadsTest, SelectedLeadsStandInOurOrder) {
  std::vector<double> frames(24);
  for (size_t i = 0; i < frames.size(); ++i) frames[i] = static_cast<double>(i);
  EXPECT_THAT(SelectLeads(frames, 12, *FindLeads(Names(), "r")),
              ::testing::ElementsAre(1, 2, 3, 4, 6, 5, 7, 8, 9, 10, 11, 0, 13, 14, 15, 16, 18, 17, 19, 20, 21,
                                     22, 23, 12));
}

TEST(LeadsTest, AbsentLeadIsMissing) {
  const std::vector<std::string> names = {"II", "I"};
  const auto leads = FindLeads(names, "r");
  ASSERT_TRUE(leads.ok()) << leads.status();
  EXPECT_EQ((*leads)[2], kAbsentLead);
  const std::vector<double> selected = SelectLeads(std::vector<double>{1, 2, 3, 4}, 2, *leads);
  ASSERT_EQ(selected.size(), 2u * kLeads);
  EXPECT_EQ(selected[0], 2);
  EXPECT_EQ(selected[kLeads + 1], 3);
  for (size_t lead = 2; lead < kLeads; ++lead) EXPECT_TRUE(std::isnan(selected[lead])) << lead;
}

TEST(LeadsTest, UnknownAndDoubledLeadsAreRefused) {
  const auto error = [](std::vector<std::string> names) {
    const absl::Status status = FindLeads(names, "r.hea").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    return std::string(status.message());
  };
  std::vector<std::string> unknown = Names(), doubled = Names();
  unknown[3] = "V7";
  doubled[3] = "II";
  EXPECT_THAT(error(unknown), HasSubstr("r.hea: unknown lead \"V7\""));
  EXPECT_THAT(error(doubled), HasSubstr("lead II is there twice"));
}

}  // namespace
}  // namespace ecgtrain
