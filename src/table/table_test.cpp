#include "table/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no InputError";
}

Table two_experiments() {
  Table table;
  table.add_column("a", {1, 2, 3, 4, 5});
  table.add_column("b", {10, 20, 30, 40, 50});
  table.set_experiment_starts({0, 3});
  return table;
}

TEST(Table, StartsWithMissingCellsAndOneExperiment) {
  const Table table({"a", "b"}, 2);
  EXPECT_EQ(table.rows(), 2U);
  EXPECT_TRUE(std::isnan(table.at(1, 1)));
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0));
  EXPECT_THAT(Table({"a"}, 0).experiment_starts(), IsEmpty());
}

TEST(Table, RefusesDuplicateEmptyAndUnequalColumns) {
  EXPECT_THAT(message_of([] { Table({"a", "b", "a"}, 1); }), HasSubstr("'a'"));
  EXPECT_THROW(Table({""}, 1), InputError);
  Table table = two_experiments();
  EXPECT_THAT(message_of([&] { table.add_column("c", {1}); }),
              HasSubstr("has 1 values; the table has 5 rows"));
  EXPECT_EQ(table.columns(), 2U) << "a refused column leaves no trace";
}

TEST(Table, AnUnknownColumnIsAnsweredWithNearNames) {
  Table table;
  for (auto& name : ChainSchema().all_names()) table.add_column(name, {1});
  EXPECT_THAT(message_of([&] { (void)table.column("firewal_cycles"); }),
              HasSubstr("did you mean 'firewall_cycles'"));
  EXPECT_THAT(message_of([&] { (void)table.column("Output-Rate"); }), HasSubstr("'output_rate'"));
  EXPECT_THAT(message_of([&] { table.remove_column("qqqqqqqqqqqqq"); }), HasSubstr("63 columns: input_rate"));
  EXPECT_THAT(message_of([] { (void)Table().column("a"); }), HasSubstr("no columns"));
}

TEST(Table, RemovingAColumnKeepsTheOthersByName) {
  Table table({"a", "b", "c"}, 1);
  table.column(2)[0] = 7;
  table.remove_column("a");
  EXPECT_THAT(table.names(), ElementsAre("b", "c"));
  EXPECT_EQ(table.column("c")[0], 7);
  EXPECT_FALSE(table.find("a").has_value());
  table.add_column("a", {1});
  EXPECT_EQ(table.find("a"), 2U);
}

TEST(Table, NothingReachesAcrossAnExperiment) {
  const Table table = two_experiments();
  std::vector<bool> has;
  for (std::size_t row = 0; row < 6; ++row) has.push_back(table.has_previous(row));
  EXPECT_THAT(has, ElementsAre(false, true, true, false, true, false));
}

TEST(Table, ExperimentStartsAreChecked) {
  Table table = two_experiments();
  for (const std::vector<std::size_t>& bad :
       std::vector<std::vector<std::size_t>>{{}, {1}, {0, 5}, {0, 2, 2}, {0, 3, 1}})
    EXPECT_THROW(table.set_experiment_starts(bad), InputError);
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0, 3));
}

TEST(Table, ASliceBeginsAnExperimentAtTheCut) {
  const Table table = two_experiments();
  const Table part = table.slice(1, 5);
  EXPECT_THAT(part.experiment_starts(), ElementsAre(0, 2));
  EXPECT_THAT(part.column("b"), ElementsAre(20, 30, 40, 50));
  EXPECT_THAT(table.slice(3, 5).experiment_starts(), ElementsAre(0));
  const Table none = table.slice(2, 2);
  EXPECT_EQ(none.rows(), 0U);
  EXPECT_THAT(none.experiment_starts(), IsEmpty());
  EXPECT_THAT(message_of([&] { (void)table.slice(2, 6); }), HasSubstr("5 rows"));
  EXPECT_THROW((void)table.slice(3, 2), InputError);
}

TEST(Table, AppendMatchesByNameAndBeginsAnExperiment) {
  Table table = two_experiments();
  Table other;
  other.add_column("c", {7, 8});
  other.add_column("a", {100, 200});
  table.append(other);
  EXPECT_THAT(table.names(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(table.column("a"), ElementsAre(1, 2, 3, 4, 5, 100, 200));
  EXPECT_TRUE(std::isnan(table.column("b")[5]));
  EXPECT_TRUE(std::isnan(table.column("c")[4]));
  EXPECT_EQ(table.column("c")[6], 8);
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0, 3, 5));
}

TEST(Table, AppendToNothingAndToItself) {
  Table table;
  table.append(two_experiments());
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0, 3));
  table.append(table);
  EXPECT_EQ(table.rows(), 10U);
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0, 3, 5, 8));
  EXPECT_EQ(table.column("a")[9], 5);
}

TEST(ChainSchema, IsThePublishedChain) {
  const ChainSchema schema;
  const auto names = schema.all_names();
  ASSERT_EQ(names.size(), 63U);
  EXPECT_EQ(names[0], "input_rate");
  EXPECT_EQ(names[3], "firewall_instructions");
  EXPECT_EQ(names[4], "nf_router_instructions");
  EXPECT_EQ(names[62], "bridge_LLC-loads");
}

}  // namespace
}  // namespace drst
