#include "worker/data/pack_data_set.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <atomic>
#include <cstring>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/unique_fd.h"
#include "tests/support/mini_ptbxl.h"
#include "tests/worker/data/pack_data_set_fixture.h"
#include "tests/worker/data/test_folder.h"
#include "worker/data/leads.h"
#include "worker/data/pack.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing::WriteMiniPtbxl;

TEST_F(PackDataSetTest, PackHoldsTheSet) {
  const auto path = Run(Synthetic());
  ASSERT_TRUE(path.ok()) << path.status();
  const auto pack = Pack::Open(*path);
  ASSERT_TRUE(pack.ok()) << pack.status();
  EXPECT_TRUE((*pack)->Verify().ok());
  EXPECT_EQ((*pack)->size(), 270u);
  EXPECT_EQ((*pack)->info().rate, 100u);
  EXPECT_TRUE((*pack)->info().highpass);
  EXPECT_EQ(path->filename(), (*pack)->info().digest + ".pack");
  EXPECT_EQ((*pack)->record(269).id, "synthetic-269");
  EXPECT_THAT(reports_, ElementsAre(std::pair(0, 270), std::pair(256, 270), std::pair(270, 270)));
}

TEST_F(PackDataSetTest, BytesDoNotDependOnTheNumberOfThreads) {
  std::string name, bytes;
  for (const int threads : {1, 2, 7}) {
    PackOptions options = Synthetic();
    options.threads = threads;
    options.cache = folder_.path() / std::to_string(threads);
    const auto path = Run(options);
    ASSERT_TRUE(path.ok()) << path.status();
    if (threads == 1) {
      name = path->filename();
      bytes = Bytes(*path);
    }
    EXPECT_EQ(path->filename(), name);
    EXPECT_TRUE(Bytes(*path) == bytes) << threads << " threads";
  }
}

TEST_F(PackDataSetTest, SecondCallFindsThePack) {
  const auto first = Run(Synthetic());
  ASSERT_TRUE(first.ok());
  const auto time = std::filesystem::last_write_time(*first);
  const auto second = Run(Synthetic());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(std::filesystem::last_write_time(*first), time);
  EXPECT_TRUE(reports_.empty());
}

TEST_F(PackDataSetTest, DamagedPackIsMadeAgain) {
  const auto first = Run(Synthetic());
  ASSERT_TRUE(first.ok());
  const std::string whole = Bytes(*first);
  for (const std::string& damaged :
       {whole.substr(0, whole.size() / 2), std::string(), std::string(500, 'x')}) {
    folder_.Write(std::filesystem::path("cache") / first->filename(), damaged);
    ASSERT_EQ(*Run(Synthetic()), *first);
    EXPECT_TRUE(Bytes(*first) == whole);
  }
}

TEST_F(PackDataSetTest, LeftOversOfKilledWritersAreRemoved) {
  const auto first = Run(Synthetic());
  ASSERT_TRUE(first.ok());
  const std::string whole = Bytes(*first);
  std::filesystem::remove(*first);
  const std::string temporary = first->filename().string() + ".tmp";
  folder_.Write("cache/" + temporary, std::string(1'000'000, 'x'));
  folder_.Write("cache/other.pack.tmp", "x");
  folder_.Write("cache/.other.lock", "");
  ASSERT_EQ(*Run(Synthetic()), *first);
  EXPECT_TRUE(Bytes(*first) == whole);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "cache" / temporary));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "cache/other.pack.tmp"));
}

TEST_F(PackDataSetTest, TemporaryFileOfALivingWriterStays) {
  folder_.Write("cache/other.pack.tmp", "x");
  folder_.Write("cache/.other.lock", "");
  const UniqueFd lock(open((folder_.path() / "cache/.other.lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  ASSERT_TRUE(Run(Synthetic(30)).ok());
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "cache/other.pack.tmp"));
}

TEST_F(PackDataSetTest, EveryParameterMakesAnotherPack) {
  ASSERT_TRUE(WriteMiniPtbxl(folder_.path() / "set", {.records = 4}).ok());
  PackOptions no_highpass = Ptbxl(), other_seed = Synthetic(4), no_derivation = Ptbxl(), gate = Ptbxl(),
              any_amplitude = Ptbxl();
  no_highpass.highpass = false;
  other_seed.source.seed = 2;
  no_derivation.derive_leads = false;
  gate.quarantine = *ParseFlaws("missing,clipped");
  any_amplitude.any_amplitude = true;
  std::set<std::filesystem::path> paths;
  for (const PackOptions& options : {Ptbxl(), Ptbxl(400), no_highpass, Synthetic(4), Synthetic(5), other_seed,
                                     no_derivation, gate, any_amplitude}) {
    const auto path = Run(options);
    ASSERT_TRUE(path.ok()) << path.status();
    paths.insert(*path);
  }
  EXPECT_EQ(paths.size(), 9u);
}

TEST_F(PackDataSetTest, ChangedSourceMakesAnotherPack) {
  ASSERT_TRUE(WriteMiniPtbxl(folder_.path() / "set", {.records = 4}).ok());
  const auto before = Run(Ptbxl());
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_TRUE(WriteMiniPtbxl(folder_.path() / "set", {.records = 4, .seed = 2}).ok());
  const auto after = Run(Ptbxl());
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_NE(*before, *after);
}

TEST_F(PackDataSetTest, ProcessesThatWantTheSamePackShareIt) {
  std::vector<std::thread> threads;
  std::vector<absl::StatusOr<std::filesystem::path>> paths(4, absl::UnknownError("not run"));
  std::atomic<int> made = 0;
  for (auto& path : paths) {
    threads.emplace_back([&] {
      path = PackDataSet(Synthetic(), [&made](const PackedSoFar& so_far) {
        made += so_far.done == 0;
        return absl::OkStatus();
      });
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& path : paths) {
    ASSERT_TRUE(path.ok()) << path.status();
    EXPECT_EQ(*path, *paths[0]);
  }
  EXPECT_EQ(made, 1);
}

TEST_F(PackDataSetTest, ErrorOfTheProgressEndsThePackingAndLeavesNothing) {
  const auto path = PackDataSet(Synthetic(), [](const PackedSoFar& so_far) {
    return so_far.done == 0 ? absl::OkStatus() : absl::ResourceExhaustedError("full");
  });
  EXPECT_EQ(path.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(CountFiles(".pack") + CountFiles(".tmp") + CountFiles(".journal"), 0);
}

TEST_F(PackDataSetTest, DamagedRecordsAreLeftOutCountedAndTheFirstIsNamed) {
  ASSERT_TRUE(WriteMiniPtbxl(folder_.path() / "set", {.records = 5}).ok());
  for (const char* name : {"set/records100/00000/00003_lr.dat", "set/records100/00000/00004_lr.dat"}) {
    std::string bytes = folder_.Read(name);
    bytes[1000] ^= 1;
    folder_.Write(name, bytes);
  }
  const auto path = Run(Ptbxl());
  ASSERT_TRUE(path.ok()) << path.status();
  const auto pack = Pack::Open(*path);
  ASSERT_TRUE(pack.ok());
  EXPECT_EQ((*pack)->size(), 3u);
  EXPECT_THAT((*pack)->info().skipped, ElementsAre(Pair("checksum", 2)));
  EXPECT_THAT((*pack)->info().notes, ElementsAre(HasSubstr("00003_lr.dat, signal")));
}

TEST_F(PackDataSetTest, DamagedHeaderEndsThePackingAndIsNamed) {
  ASSERT_TRUE(WriteMiniPtbxl(folder_.path() / "set", {.records = 4}).ok());
  folder_.Write("set/records100/00000/00003_lr.hea", "00003_lr twelve 100 1000\n");
  const absl::Status status = Run(Ptbxl()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("00003_lr.hea line 1, number of signals"));
}

TEST_F(PackDataSetTest, UnusableRecordsAreCounted) {
  ASSERT_TRUE(WriteMiniPtbxl(folder_.path() / "set", {.records = 4}).ok());
  std::string header = folder_.Read("set/records100/00000/00002_lr.hea");
  std::string flat = "00002_lr 12 100 1000\n";
  for (const char* lead : {"I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6"}) {
    flat += std::string("00002_lr.dat 16 1000.0(0)/mV 16 0 0 0 0 ") + lead + "\n";
  }
  folder_.Write("set/records100/00000/00002_lr.hea", flat);
  folder_.Write("set/records100/00000/00002_lr.dat", std::string(24000, '\0'));
  std::filesystem::remove(folder_.path() / "set/records100/00000/00004_lr.dat");
  const auto path = Run(Ptbxl());
  ASSERT_TRUE(path.ok()) << path.status();
  const auto pack = Pack::Open(*path);
  ASSERT_TRUE(pack.ok());
  EXPECT_EQ((*pack)->size(), 2u);
  EXPECT_EQ((*pack)->info().skipped, (std::map<std::string, uint64_t>{{"file_missing", 1}, {"flat", 1}}));
  EXPECT_EQ((*pack)->record(1).id, "3");
}

// Record 2 jumps by 33 mV in V6, so that it is saturated.
class FlawedSetTest : public PackDataSetTest {
 protected:
  FlawedSetTest() {
    EXPECT_TRUE(WriteMiniPtbxl(folder_.path() / "set", {.records = 5, .records500 = false}).ok());
    Rewrite("00002_lr", 32'100, 500 * kLeads + 11, 1);
  }

  // Adds `by` to `count` samples of the file from `first` on; the header gets `units_` and new checksums.
  void Rewrite(const std::string& name, int by, size_t first, size_t count) {
    const std::string path = "set/records100/00000/" + name;
    std::string bytes = folder_.Read(path + ".dat");
    std::vector<int16_t> samples(bytes.size() / 2);
    std::memcpy(samples.data(), bytes.data(), bytes.size());
    for (size_t i = first; i < first + count; ++i) samples[i] = static_cast<int16_t>(samples[i] + by);
    std::memcpy(bytes.data(), samples.data(), bytes.size());
    folder_.Write(path + ".dat", bytes);
    std::string header = name + " 12 100 1000\n";
    for (size_t lead = 0; lead < kLeads; ++lead) {
      uint16_t sum = 0;
      for (size_t i = lead; i < samples.size(); i += kLeads) sum += static_cast<uint16_t>(samples[i]);
      absl::StrAppend(&header, name, ".dat 16 1000(0)/", units_, " 16 0 ", samples[lead], " ", sum, " 0 ",
                      kLeadNames[lead], "\n");
    }
    folder_.Write(path + ".hea", header);
  }

  std::string units_ = "mV";
};

TEST_F(FlawedSetTest, FlawsAreFlaggedInIndexAndReport) {
  const auto path = Run(Ptbxl());
  ASSERT_TRUE(path.ok()) << path.status();
  const auto pack = Pack::Open(*path);
  EXPECT_THAT((*pack)->info().flagged, ::testing::Contains(Pair("saturated", 1)));
  ASSERT_EQ((*pack)->size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(((*pack)->record(i).flaws & static_cast<Flaws>(Flaw::kSaturated)) != 0, i == 1) << i;
  }
}

TEST_F(FlawedSetTest, QuarantineLeavesOutCountsAndNames) {
  PackOptions options = Ptbxl();
  options.quarantine = *ParseFlaws("missing,saturated");
  const auto path = Run(options);
  ASSERT_TRUE(path.ok()) << path.status();
  const auto pack = Pack::Open(*path);
  EXPECT_EQ((*pack)->size(), 4u);
  EXPECT_THAT((*pack)->info().skipped, ElementsAre(Pair("saturated", 1)));
  EXPECT_THAT((*pack)->info().flagged, ::testing::Not(::testing::Contains(Pair("saturated", ::testing::_))));
  EXPECT_THAT((*pack)->info().notes, ElementsAre(HasSubstr("saturated: record 2")));
}

TEST_F(FlawedSetTest, AmplitudesThatNoEcgHasAreRefusedUnlessAllowed) {
  units_ = "V";  // a thousand times too much
  for (const char* name : {"00001_lr", "00002_lr", "00003_lr", "00004_lr"}) Rewrite(name, 0, 0, 0);
  PackOptions options = Ptbxl();
  const absl::Status status = Run(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("unit or gain of the source is wrong"));
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "cache"))
    EXPECT_NE(entry.path().extension(), ".pack");
  options.any_amplitude = true;
  EXPECT_TRUE(Run(options).ok());
}

TEST_F(PackDataSetTest, OptionsThatDoNotFitAreRefused) {
  PackOptions odd_rate = Synthetic(), unknown = Synthetic(), no_cache = Synthetic(), no_path = Ptbxl(),
              with_path = Synthetic();
  odd_rate.source.rate = 250;
  unknown.source.type = "ptb-xl";
  no_cache.cache = "";
  no_path.source.path = "";
  with_path.source.path = "/data";
  for (const PackOptions& options : {odd_rate, unknown, no_cache, no_path, with_path}) {
    EXPECT_EQ(Run(options).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(std::string(Run(unknown).status().message()), HasSubstr("did you mean \"ptbxl\"?"));
  folder_.Write("file", "x");
  PackOptions file_as_cache = Synthetic();
  file_as_cache.cache = folder_.path() / "file";
  EXPECT_EQ(Run(file_as_cache).status().code(), absl::StatusCode::kInvalidArgument);
  odd_rate.highpass = false;
  EXPECT_TRUE(Run(odd_rate).ok());
}

TEST(RealPackTest, MiniSetPacksWhole) {
  const std::filesystem::path data = RealDataFolder();
  if (data.empty()) GTEST_SKIP() << "no real recordings: set ECGTRAIN_DATA";
  TestFolder cache;
  const auto path = PackDataSet(
      {.source = {.type = "ptbxl", .path = data / "mini" / "ptbxl", .rate = 100}, .cache = cache.path()},
      nullptr);
  ASSERT_TRUE(path.ok()) << path.status();
  const auto pack = Pack::Open(*path);
  ASSERT_TRUE(pack.ok());
  EXPECT_EQ((*pack)->size(), 498u);
  EXPECT_EQ((*pack)->info().skipped_records, 0u);
  EXPECT_EQ((*pack)->info().clipped_samples, 0u);
  EXPECT_TRUE((*pack)->Verify().ok());
}

}  // namespace
}  // namespace ecgtrain
