#include "base/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "base/files.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Sample {
  bool enabled = true;
  int64_t window = 300;
  double margin = 0.01;
  std::string family = "auto";
  std::string name = "one";
  std::vector<int64_t> batches = {16, 32};
  std::vector<double> rates = {0.001, 1e-20};
  std::vector<std::string> losses = {"l1", "mse"};
  std::vector<std::vector<int64_t>> hidden = {{32, 16}, {64}};
  std::map<std::string, std::string> properties;
};

void describe(SettingsVisitor& v, Sample& s) {
  v.visit("enabled", s.enabled, {"", "Whether."});
  v.visit("window", s.window, {"rows", "How many.", 2, 1e6});
  v.visit("margin", s.margin, {"1", "How much more.", 0, 1});
  v.visit("family", s.family, {"", "Which.", -INFINITY, INFINITY, {"auto", "mlp", "ridge"}});
  v.visit("name", s.name, {"", "Any text."});
  v.visit("batches", s.batches, {"rows", "Sizes.", 1, 4096});
  v.visit("rates", s.rates, {"1", "Rates.", 0});
  v.visit("losses", s.losses, {"", "Losses.", -INFINITY, INFINITY, {"l1", "mse"}});
  v.visit("hidden", s.hidden, {"units", "Layers.", 1, 4096});
  v.visit("properties", s.properties, {"", "Names of somebody else's."});
}

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    settings_.add("sample", sample_);
    settings_.add("other", other_);
  }
  std::string refusal_of_text(const std::string& toml) {
    return refusal([&] { settings_.load_text(toml, "d.toml"); });
  }
  std::string refusal_of_set(const std::string& assignment) {
    return refusal([&] { settings_.set(assignment); });
  }
  template <class Call>
  static std::string refusal(const Call& call) {
    try {
      call();
    } catch (const InputError& error) {
      return error.what();
    }
    return "no InputError";
  }

  Sample sample_;
  Sample other_;
  Settings settings_;
};

TEST_F(SettingsTest, NamesOfOthersAreATableThatGrows) {
  settings_.load_text("[sample]\nwindow = 5\n[sample.properties]\na.b = 1\n\"a.c\" = \"x y\"\nd = true\n",
                      "d.toml");
  settings_.set("sample.properties.a.b=05s");
  settings_.set("sample.properties.e.f=2");
  EXPECT_EQ(sample_.properties, (std::map<std::string, std::string>{
                                    {"a.b", "05s"}, {"a.c", "x y"}, {"d", "true"}, {"e.f", "2"}}));
  EXPECT_TRUE(other_.properties.empty());
  const std::string text = settings_.to_toml(true);
  EXPECT_THAT(text, HasSubstr("[sample.properties]\n\"a.b\" = \"05s\"\n"));
  Sample copy;
  Settings again;
  again.add("sample", copy);
  Sample none;
  again.add("other", none);
  again.load_text(text, "copy.toml");
  EXPECT_EQ(copy.properties, sample_.properties);
  EXPECT_EQ(settings_.values().at("other.properties"), "{}");
  EXPECT_THAT(refusal_of_text("[sample]\nproperties = 3\n"), HasSubstr("must be a table"));
  EXPECT_THAT(refusal_of_text("[sample.properties]\na = [1]\n"), HasSubstr("'a' must be a text"));
  EXPECT_THAT(refusal_of_set("sample.properties.=1"), HasSubstr("no setting"));
}

TEST_F(SettingsTest, AFileSetsEveryKind) {
  settings_.load_text(R"(# comment
[sample]
enabled = false
window = 50
margin = 1
family = "mlp"
name = "a \"b\" \n"
batches = []
rates = [1, 0.5]
losses = ["mse"]
hidden = [[8], [4, 2]]
)",
                      "d.toml");
  EXPECT_FALSE(sample_.enabled);
  EXPECT_EQ(sample_.window, 50);
  EXPECT_EQ(sample_.margin, 1.0) << "a whole number is a number";
  EXPECT_EQ(sample_.family, "mlp");
  EXPECT_EQ(sample_.name, "a \"b\" \n");
  EXPECT_TRUE(sample_.batches.empty());
  EXPECT_THAT(sample_.rates, ElementsAre(1, 0.5));
  EXPECT_THAT(sample_.losses, ElementsAre("mse"));
  EXPECT_THAT(sample_.hidden, ElementsAre(ElementsAre(8), ElementsAre(4, 2)));
  EXPECT_EQ(other_.window, 300) << "other sections are untouched";
}

TEST_F(SettingsTest, WhatIsUnknownIsRefusedWithItsLineAndANearName) {
  EXPECT_THAT(refusal_of_text("[sample]\nwindow = 5\nmargn = 1\n"),
              HasSubstr("d.toml:3: no setting 'margn' in [sample]; did you mean 'margin'?"));
  EXPECT_THAT(refusal_of_text("\n[smaple]\n"),
              HasSubstr("d.toml:2: no section [smaple]; did you mean 'sample'?"));
  EXPECT_THAT(refusal_of_text("window = 5\n"), HasSubstr("d.toml:1: 'window' stands outside any [section]"));
  EXPECT_THAT(refusal_of_text("[sample]\nwindow = \n"), HasSubstr("d.toml:2: "));
  EXPECT_THAT(refusal_of_text("[sample]\nwindow = 5\nwindow = 6\n"), HasSubstr("d.toml:3: "));
}

TEST_F(SettingsTest, WrongTypesAreRefused) {
  EXPECT_THAT(refusal_of_text("[sample]\nwindow = 5.0\n"),
              HasSubstr("d.toml:2: 'window' must be a whole number"));
  EXPECT_THAT(refusal_of_text("[sample]\nwindow = \"5\"\n"), HasSubstr("whole number"));
  EXPECT_THAT(refusal_of_text("[sample]\nenabled = 1\n"), HasSubstr("true or false"));
  EXPECT_THAT(refusal_of_text("[sample]\nmargin = \"x\"\n"), HasSubstr("must be a number"));
  EXPECT_THAT(refusal_of_text("[sample]\nname = 5\n"), HasSubstr("text in quotes"))
      << "a file has no bare words";
  EXPECT_THAT(refusal_of_text("[sample]\nbatches = 5\n"), HasSubstr("list"));
  EXPECT_THAT(refusal_of_text("[sample]\nhidden = [5]\n"), HasSubstr("list"));
  EXPECT_EQ(sample_.window, 300);
}

TEST_F(SettingsTest, RangesAndChoicesHold) {
  EXPECT_THAT(refusal_of_text("[sample]\nwindow = 1\n"), HasSubstr("between 2 and 1000000, not 1"));
  EXPECT_THAT(refusal_of_text("[sample]\nmargin = nan\n"), HasSubstr("not nan"));
  EXPECT_THAT(refusal_of_text("[sample]\nbatches = [16, 0]\n"), HasSubstr("'batches' must be between"));
  EXPECT_THAT(refusal_of_text("[sample]\nhidden = [[0]]\n"), HasSubstr("'hidden'"));
  EXPECT_THAT(refusal_of_text("[sample]\nfamily = \"svm\"\n"),
              HasSubstr("one of auto, mlp, ridge, not 'svm'"));
  EXPECT_EQ(sample_.family, "auto") << "a refused choice is not kept";
  EXPECT_THAT(refusal_of_text("[sample]\nlosses = [\"l1\", \"l7\"]\n"), HasSubstr("'l7'"));
  settings_.set("sample.window=2");
  settings_.set("sample.window=1000000");
}

TEST_F(SettingsTest, SetTakesTomlAndBareWords) {
  settings_.set("sample.window = 7");
  settings_.set("sample.family=ridge");
  settings_.set("sample.enabled=false");
  settings_.set("sample.hidden=[[1],[2,3]]");
  EXPECT_EQ(sample_.window, 7);
  EXPECT_EQ(sample_.family, "ridge");
  EXPECT_FALSE(sample_.enabled);
  EXPECT_THAT(sample_.hidden, ElementsAre(ElementsAre(1), ElementsAre(2, 3)));
  for (const std::string text :
       {"2026", "true", "1e3", "2026-01-01", "a=b", "C:\\x \"y\"", "", "[1]", "\x01"}) {
    settings_.set("sample.name=" + text);
    EXPECT_EQ(sample_.name, text) << "where a text is wanted, what was typed is the text";
  }
  settings_.set("sample.name=\"quoted\"");
  EXPECT_EQ(sample_.name, "quoted");
}

TEST_F(SettingsTest, SetRefusesWithTheOptionsName) {
  EXPECT_THAT(refusal_of_set("sample.window=x"),
              HasSubstr("--set sample.window: 'window' must be a whole number"));
  EXPECT_THAT(refusal_of_set("sample.windw=1"), HasSubstr("did you mean 'window'"));
  EXPECT_THAT(refusal_of_set("nothing.window=1"), HasSubstr("no section [nothing]"));
  for (const char* malformed : {"", "window=1", "sample.window", "=", "a=b.c"})
    EXPECT_THAT(refusal_of_set(malformed), HasSubstr("write section.key=value")) << malformed;
  EXPECT_THAT(refusal_of_set("sample.name=\xFF"), HasSubstr("UTF-8"));
}

/// An environment variable for the time of a test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

TEST_F(SettingsTest, TheEnvironmentOverridesAndIsNamedInErrors) {
  settings_.load_text("[sample]\nwindow = 50\n", "d.toml");
  const Variable window("DRST_SAMPLE_WINDOW", "60");
  const Variable other("DRST_OTHER_NAME", "bare words");
  const Variable no_setting("DRST_DATAFOLDER", "/x");
  settings_.load_environment();
  EXPECT_EQ(sample_.window, 60);
  EXPECT_EQ(other_.name, "bare words");
  settings_.set("sample.window=70");
  EXPECT_EQ(sample_.window, 70);
  {
    const Variable bad("DRST_SAMPLE_MARGIN", "2");
    EXPECT_THAT(
        refusal([&] { settings_.load_environment(); }),
        HasSubstr(
            "environment variable DRST_SAMPLE_MARGIN: sample.margin: 'margin' must be between 0 and 1"));
  }
  const Variable typo("DRST_SAMPLE_MARGN", "1");
  EXPECT_THAT(refusal([&] { settings_.load_environment(); }), HasSubstr("did you mean 'DRST_SAMPLE_MARGIN'"));
}

TEST_F(SettingsTest, ToTomlReadsBack) {
  sample_.enabled = false;
  sample_.margin = 0.1;
  sample_.name = "tab\t quote\" back\\slash \n end \xC3\xA4";
  sample_.rates = {1e22, 5e-324, 3};
  sample_.hidden = {};
  const std::string text = settings_.to_toml(true);
  Sample copy;
  Sample other_copy;
  Settings again;
  again.add("sample", copy);
  again.add("other", other_copy);
  again.load_text(text, "copy.toml");
  EXPECT_EQ(again.to_toml(true), text);
  EXPECT_EQ(copy.name, sample_.name);
  EXPECT_EQ(copy.rates, sample_.rates);
  EXPECT_EQ(copy.margin, 0.1);
  EXPECT_EQ(again.values(), settings_.values());
}

TEST_F(SettingsTest, ToTomlTellsUnitRangeAndChoices) {
  const std::string text = settings_.to_toml(true);
  EXPECT_THAT(text, HasSubstr("[sample]\n"));
  EXPECT_THAT(text, HasSubstr("# How many. Unit: rows. Range: 2 to 1000000.\nwindow = 300\n"));
  EXPECT_THAT(text, HasSubstr("One of: auto, mlp, ridge."));
  EXPECT_THAT(text, HasSubstr("At least 0."));
  EXPECT_THAT(settings_.to_toml(false), Not(HasSubstr("#")));
  EXPECT_EQ(settings_.values().at("sample.hidden"), "[[32, 16], [64]]");
}

TEST_F(SettingsTest, AFileIsNamed) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "drst.toml";
  EXPECT_THAT(refusal([&] { settings_.load_file(path); }), HasSubstr(path.string()));
  std::ofstream(path) << "[sample]\nwindow = true\n";
  EXPECT_THAT(refusal([&] { settings_.load_file(path); }), HasSubstr(path.string() + ":2: "));
  std::ofstream(path) << "[sample]\nwindow = 9\n";
  settings_.load_file(path);
  EXPECT_EQ(sample_.window, 9);
}

}  // namespace
}  // namespace drst
