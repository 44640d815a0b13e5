#include "stream/lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace drst {
namespace {

using ::testing::HasSubstr;
using Names = std::vector<std::string>;

const Names kpis = {"input_rate", "output_rate", "latency"};

std::string refusal(const Names& targets, const Names& of = kpis) {
  try {
    check_targets(targets, of);
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

TEST(Lane, TheFirstHasThePlainNamesAndAFurtherOneItsOwn) {
  EXPECT_EQ(lane_topic("latencyTopic", ""), "latencyTopic");
  EXPECT_EQ(lane_topic("latencyTopic", "latency"), "latencyTopic-latency");
  EXPECT_EQ(lane_group("drst-infer", ""), "drst-infer");
  EXPECT_EQ(lane_group("drst-infer", "latency"), "drst-infer-latency");
  EXPECT_EQ(lane_prefix(""), "");
  EXPECT_EQ(lane_prefix("latency"), "targets/latency/");
  EXPECT_EQ(lane_of("output_rate", {"output_rate", "latency"}), "");
  EXPECT_EQ(lane_of("latency", {"output_rate", "latency"}), "latency");
  EXPECT_THROW((void)lane_of("latncy", {"output_rate", "latency"}), InputError);
}

TEST(Lane, WhatCannotBeTargetsIsRefusedWithTheName) {
  EXPECT_EQ(refusal({"output_rate"}), "");
  EXPECT_EQ(refusal({"latency", "input_rate", "output_rate"}), "");
  EXPECT_THAT(refusal({}), HasSubstr("model.targets is empty"));
  EXPECT_THAT(refusal({"output_rate", "latency", "output_rate"}),
              HasSubstr("'output_rate' stands there twice"));
  EXPECT_THAT(refusal({"output_rate", "bridge_cycles"}), HasSubstr("'bridge_cycles' is none of model.kpis"));
  EXPECT_THAT(refusal({"tx"}), HasSubstr("'tx' is none of model.kpis"));
}

TEST(Lane, AFurtherTargetsNameMustFitIntoKeysAndTopics) {
  for (const std::string name : {"p99 latency", "a/b", "..", ".x", "", "latence\xC3\xA9"}) {
    EXPECT_EQ(refusal({name, "latency"}, {name, "latency"}), "") << name;  // alone or first it is in none
    EXPECT_THAT(refusal({"latency", name}, {name, "latency"}), HasSubstr("cannot name keys and topics"))
        << name;
  }
  const std::string longest(64, 'x');
  EXPECT_EQ(refusal({"latency", longest}, {longest, "latency"}), "");
  EXPECT_THAT(refusal({"latency", longest + "x"}, {longest + "x", "latency"}), HasSubstr("cannot name"));
}

}  // namespace
}  // namespace drst
