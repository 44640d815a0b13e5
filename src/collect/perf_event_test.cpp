#include "collect/perf_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/files.h"

namespace drst {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

/// A machine's PMUs as sysfs shows them.
class PerfEvent : public testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) const {
    const fs::path file = folder.path() / path;
    make_folders(file.parent_path());
    write_file_atomic(file, text + "\n", Sync::no);
  }
  [[nodiscard]] PerfEventCode one(const std::string& spelled) const {
    const auto codes = encode_event(spelled, folder.path());
    EXPECT_EQ(codes.size(), 1U) << spelled;
    return codes.front();
  }
  [[nodiscard]] std::string refusal(const std::string& spelled) const {
    try {
      (void)encode_event(spelled, folder.path());
    } catch (const InputError& error) {
      return error.what();
    }
    return "taken";
  }
  TemporaryFolder folder;
};

TEST_F(PerfEvent, KernelsOwnNames) {
  EXPECT_EQ(one("instructions").attr.type, PERF_TYPE_HARDWARE);
  EXPECT_EQ(one("instructions").attr.config, PERF_COUNT_HW_INSTRUCTIONS);
  EXPECT_EQ(one("branches").attr.config, one("branch-instructions").attr.config);
  EXPECT_EQ(one("context-switches").attr.type, PERF_TYPE_SOFTWARE);
  // From perf_event_open(2): id | operation << 8 | result << 16.
  EXPECT_EQ(one("L1-dcache-load-misses").attr.config, 0U | (0U << 8) | (1U << 16));
  EXPECT_EQ(one("LLC-stores").attr.config, 2U | (1U << 8) | (0U << 16));
  EXPECT_EQ(one("branch-load-misses").attr.config, 5U | (0U << 8) | (1U << 16));
  EXPECT_EQ(one("r01c2").attr.type, PERF_TYPE_RAW);
  EXPECT_EQ(one("r01c2").attr.config, 0x1c2U);
}

TEST_F(PerfEvent, ClocksAreMillisecondsAsInPerfStat) {
  EXPECT_EQ(one("task-clock").scale, 1e-6);
  EXPECT_EQ(one("page-faults").scale, 1);
}

TEST_F(PerfEvent, ModifiersExcludeTheOthers) {
  const auto user = one("cycles:u");
  EXPECT_EQ(user.attr.exclude_user, 0U);
  EXPECT_EQ(user.attr.exclude_kernel, 1U);
  EXPECT_EQ(user.attr.exclude_hv, 1U);
  EXPECT_EQ(user.attr.exclude_guest, 0U);
  const auto guest = one("cycles:uG");
  EXPECT_EQ(guest.attr.exclude_host, 1U);
  EXPECT_EQ(guest.attr.exclude_guest, 0U);
  EXPECT_EQ(one("instructions:ppu").attr.precise_ip, 2U);
  EXPECT_EQ(one("cycles").attr.exclude_kernel, 0U);
}

TEST_F(PerfEvent, TermsGoWhereThePmuSays) {
  put("cpu/type", "4");
  put("cpu/format/event", "config:0-7,32-35");
  put("cpu/format/umask", "config:8-15");
  put("cpu/format/inv", "config:23");
  put("cpu/format/ldlat", "config1:0-15");
  put("cpu/events/mem-loads", "event=0xcd,umask=0x1,ldlat=3");
  EXPECT_EQ(one("cpu/event=0x3c,umask=0x2/").attr.config, 0x23cU);
  EXPECT_EQ(one("cpu/event=0x13c,inv/").attr.config, 0x10080003cU);
  const auto loads = one("cpu/mem-loads,umask=0x4/u");
  EXPECT_EQ(loads.attr.type, 4U);
  EXPECT_EQ(loads.attr.config & 0xff00U, 0x500U);  // bits of both, as perf has it
  EXPECT_EQ(loads.attr.config1, 3U);
  EXPECT_EQ(loads.attr.exclude_kernel, 1U);
  EXPECT_THAT(refusal("cpu/event=0x10000/"), HasSubstr("too large"));
  EXPECT_THAT(refusal("cpu/mem-load/"), HasSubstr("did you mean 'mem-loads'"));
  EXPECT_THAT(refusal("cpu/../"), HasSubstr("no term"));
}

TEST_F(PerfEvent, UncoreHasItsCpuAndUnit) {
  put("power/type", "20");
  put("power/cpumask", "0,16");
  put("power/format/event", "config:0-7");
  put("power/events/energy-pkg", "event=0x02");
  put("power/events/energy-pkg.scale", "2.3283064365386962890625e-10");
  const auto energy = one("power/energy-pkg/");
  EXPECT_THAT(energy.cpus, ElementsAre(0, 16));
  EXPECT_EQ(energy.scale, 2.3283064365386962890625e-10);
}

TEST_F(PerfEvent, HybridProcessorsCountOnEachCore) {
  put("cpu_core/type", "4");
  put("cpu_core/cpus", "0-7");
  put("cpu_atom/type", "10");
  put("cpu_atom/cpus", "8-15");
  const auto codes = encode_event("cycles", folder.path());
  ASSERT_EQ(codes.size(), 2U);
  EXPECT_EQ(codes[0].attr.config >> PERF_PMU_TYPE_SHIFT, 4U);
  EXPECT_EQ(codes[1].attr.config >> PERF_PMU_TYPE_SHIFT, 10U);
  EXPECT_EQ(encode_event("page-faults", folder.path()).size(), 1U);
  EXPECT_EQ(one("cpu_atom/cycles/").attr.config >> PERF_PMU_TYPE_SHIFT, 10U);
}

TEST_F(PerfEvent, WrongNamesGetNearOnes) {
  EXPECT_THAT(refusal("instruction"), HasSubstr("did you mean 'instructions'"));
  EXPECT_THAT(refusal("LLC-load-miss"), HasSubstr("LLC-load-misses"));
  EXPECT_THAT(refusal("nopmu/event=1/"), HasSubstr("no PMU 'nopmu'"));
  EXPECT_THAT(refusal("sched:sched_switch"), HasSubstr("not known"));
  EXPECT_THAT(refusal(""), HasSubstr("not known"));
}

TEST(ParseCpus, Lists) {
  EXPECT_THAT(parse_cpus("0-3,8"), ElementsAre(0, 1, 2, 3, 8));
  EXPECT_THAT(parse_cpus(" 2,1,2 "), ElementsAre(1, 2));
  for (const char* wrong : {"", "a", "3-1", "1,,2", "-1", "0-99999999"})
    EXPECT_THROW(parse_cpus(wrong), InputError) << wrong;
}

TEST(ParseEventGroup, Braces) {
  EXPECT_THAT(parse_event_group("cycles:u"), ElementsAre("cycles:u"));
  EXPECT_THAT(parse_event_group("{cycles, instructions:k}:u"), ElementsAre("cycles:u", "instructions:k"));
  EXPECT_THAT(parse_event_group("{cpu/event=1,umask=2/,cycles}:u"),
              ElementsAre("cpu/event=1,umask=2/u", "cycles:u"));
  for (const char* wrong : {"{cycles", "{}", "{cycles}u", "{cycles,}"})
    EXPECT_THROW(parse_event_group(wrong), InputError) << wrong;
}

}  // namespace
}  // namespace drst
