#include "stream/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <clocale>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "base/text.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
const Time epoch = VirtualClock::default_epoch();

RecordView view_of(std::string_view value) {
  RecordView view;
  view.value = value;
  view.timestamp = epoch;
  return view;
}

/// Decodes, and expects it to work.
Sample decoded(RecordDecoder& decoder, std::string_view value) {
  auto sample = decoder.decode(view_of(value));
  EXPECT_TRUE(sample.has_value()) << value << "\n" << (sample ? "" : sample.error().reason);
  return sample.value_or(Sample{});
}

bool same_number(double a, double b) {
  return std::isnan(a) ? std::isnan(b) : std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

std::string reason_of(std::string_view value, const WireLimits& limits = {}) {
  RecordDecoder decoder(limits);
  const auto sample = decoder.decode(view_of(value));
  return sample ? "accepted" : sample.error().reason;
}

TEST(RecordEncoder, WritesTheContract) {
  RecordEncoder encoder({"firewall_cycles", "bridge_\"odd\"", "firewall_cycles@-1"});
  const std::array values = {12345678901.0, 0.5, nan_value};
  EXPECT_EQ(encoder.encode("run-1-7", values, 187.25, epoch, "stage0"),
            R"({"features":{"firewall_cycles":12345678901,"bridge_\"odd\"":0.5},"label":187.25,)"
            R"("send_ts":"2026-01-01T00:00:00.000000Z","stage":"stage0","id":"run-1-7"})");
  EXPECT_EQ(encoder.encode("", std::array{nan_value, nan_value, nan_value}, std::nullopt, epoch, "a\nb\xFF"),
            "{\"features\":{},\"label\":null,\"send_ts\":\"2026-01-01T00:00:00.000000Z\",\"stage\":"
            "\"a\\nb\xEF\xBF\xBD\"}");
  EXPECT_EQ(encode_label("r-3", 2.5, epoch),
            R"({"id":"r-3","label":2.5,"send_ts":"2026-01-01T00:00:00.000000Z"})");
}

TEST(RecordEncoder, IgnoresTheLocale) {
  const char* const before = std::setlocale(LC_ALL, "de_DE.UTF-8");
  RecordEncoder encoder({"a"});
  EXPECT_THAT(std::string(encoder.encode("r-0", std::array{0.5}, 1.5, epoch, "")),
              HasSubstr(R"({"a":0.5},"label":1.5)"));
  if (before != nullptr) std::setlocale(LC_ALL, "C");
}

TEST(RecordIds, SplitAtTheLastDash) {
  const auto parts = split_id("my-run-2-31");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->run_id, "my-run-2");
  EXPECT_EQ(parts->row, 31);
  EXPECT_EQ(make_id("my-run-2", 31), "my-run-2-31");
  for (const auto* odd :
       {"", "7", "-7", "run-", "run-x", "run-+1", "run-007", "run-1 ", "run-99999999999999999999"})
    EXPECT_FALSE(split_id(odd)) << odd;
  EXPECT_EQ(split_id("run-0")->row, 0);
}

TEST(Sentinels, AreKnownByHeaderOrValue) {
  const NewRecord record = make_sentinel("run-1", epoch);
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  for (const auto& header : record.headers) headers.emplace_back(header.key, header.value);
  RecordView view = view_of(record.value);
  view.headers = headers;
  EXPECT_EQ(record.value, "__DRST_EOF__");
  EXPECT_TRUE(is_sentinel(view));
  EXPECT_EQ(sentinel_run(view), "run-1");
  EXPECT_TRUE(is_sentinel(view_of("__DRST_EOF__")));
  EXPECT_EQ(sentinel_run(view_of("__DRST_EOF__")), "");
  EXPECT_FALSE(is_sentinel(view_of("{}")));
}

TEST(RecordDecoder, ReadsWhatPythonWrites) {
  RecordDecoder decoder;
  const Sample sample = decoded(
      decoder, R"({"features": {"a": 1, "b": 2.5e3, "c": NaN, "d": -Infinity, "e": null, "f": true,)"
               R"( "g": "12", "h": 1e999, "caf\u00e9": 4, "a@-1": null}, "label": NaN,)"
               R"( "send_ts": "2026-02-03T04:05:06Z", "stage": "stage1", "extra": [1, {"x": [NaN]}]})");
  EXPECT_THAT(decoder.columns(), ElementsAre("a", "b", "c", "d", "e", "f", "g", "h", "caf\xC3\xA9", "a@-1"));
  EXPECT_EQ(sample.values[1], 2500);
  EXPECT_EQ(sample.values[8], 4);
  for (const std::size_t odd : {2u, 3u, 4u, 5u, 6u, 7u, 9u})
    EXPECT_TRUE(std::isnan(sample.values[odd])) << odd;
  EXPECT_EQ(sample.finite, 3u);
  EXPECT_EQ(sample.non_finite, 6u);  // a lag does not count
  EXPECT_EQ(sample.absent, 0u);
  EXPECT_FALSE(sample.label);
  EXPECT_EQ(to_iso8601(sample.send_ts), "2026-02-03T04:05:06.000000Z");
  EXPECT_EQ(sample.stage, "stage1");
  EXPECT_EQ(sample.id, "");
  EXPECT_EQ(sample.row, -1);
}

TEST(RecordDecoder, FallsBackToTimestampAndHeader) {
  RecordDecoder decoder;
  const std::vector<std::pair<std::string_view, std::string_view>> headers = {{"run_id", "r9"}};
  RecordView view =
      view_of(R"({"features":{"a":1},"send_ts":"yesterday","stage":null,"label":null,"id":null})");
  view.headers = headers;
  const auto sample = decoder.decode(view);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->send_ts, epoch);
  EXPECT_EQ(sample->run_id, "r9");
  EXPECT_EQ(sample->stage, "");
}

TEST(RecordDecoder, LearnsColumnsByName) {
  RecordDecoder decoder;
  decoder.expect({"x", "y", "y@-1"});
  Sample sample = decoded(decoder, R"({"features":{"y":2,"new":3}})");
  EXPECT_THAT(decoder.columns(), ElementsAre("x", "y", "y@-1", "new"));
  EXPECT_EQ(sample.values[1], 2);
  EXPECT_EQ(sample.values[3], 3);
  EXPECT_TRUE(std::isnan(sample.values[0]));
  EXPECT_EQ(sample.absent, 1u);  // x; the lag is not counted
  const auto version = decoder.columns_version();
  sample = decoded(decoder, R"({"features":{"x":1,"y":2,"y@-1":5}})");
  EXPECT_EQ(decoder.columns_version(), version);
  EXPECT_EQ(sample.values[2], 5);
  EXPECT_TRUE(std::isnan(sample.values[3])) << "a value of an earlier record showed through";
  // A refused record teaches nothing.
  EXPECT_FALSE(decoder.decode(view_of(R"({"features":{"junk":1,"x":2},)")));
  EXPECT_FALSE(decoder.decode(view_of(R"({"features":{"junk":1,"x":2,"x":3}})")));
  EXPECT_EQ(decoder.columns().size(), 4u);
  EXPECT_EQ(decoded(decoder, R"({"features":{"junk":8}})").values[4], 8);
}

TEST(RecordDecoder, RefusesWithAReason) {
  EXPECT_THAT(reason_of(""), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of("[1]"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of("{}"), HasSubstr("no 'features'"));
  EXPECT_THAT(reason_of(R"({"features":5})"), HasSubstr("not an object"));
  EXPECT_THAT(reason_of(R"({"features":{"a":1})"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of(R"({"features":{"a":1}} x)"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of(R"({"features":{"a":1}}{})"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of(R"({"features":{"a":1 "b":2}})"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of(R"({"features":{"a":01}})"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of(R"({"features":{"a":1.}})"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of(R"({"features":{"a":nul}})"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of(R"({"features":{"a":[1 2]}})"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of(R"({"features":{"a":1,"a":2}})"), HasSubstr("'a' stands there twice"));
  EXPECT_THAT(reason_of(R"({"features":{"a":1},"label":1,"label":2})"),
              HasSubstr("'label' stands there twice"));
  EXPECT_THAT(reason_of(R"({"features":{"a":1},"label":"5"})"), HasSubstr("label is neither"));
  EXPECT_THAT(reason_of(R"({"features":{"a":1},"id":5})"), HasSubstr("id is not a text"));
  EXPECT_THAT(reason_of("{\"features\":{\"a\xFF\":1}}"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of("{\"features\":{\"a\x01\":1}}"), HasSubstr("not JSON"));
  EXPECT_THAT(reason_of(R"({"features":{"\ud800":1}})"), HasSubstr("not JSON"));
  const std::string deep(5000, '[');
  EXPECT_THAT(reason_of("{\"features\":{\"a\":" + deep + std::string(5000, ']') + "}}"),
              HasSubstr("nested deeper"));
  EXPECT_THAT(reason_of("{\"features\":{\"a\":" + deep + "}}"), HasSubstr("nested deeper"));
  EXPECT_THAT(reason_of("{\"features\":{\"" + std::string(600, 'n') + "\":1}}"),
              HasSubstr("feature name of 600 bytes"));
  EXPECT_THAT(reason_of("{\"features\":{},\"id\":\"" + std::string(600, 'n') + "\"}"),
              HasSubstr("id of 600 bytes"));
  EXPECT_THAT(reason_of(std::string(50'000'000, ' ')), HasSubstr("at most 4194304 are read"));
  WireLimits few;
  few.max_columns = 2;
  EXPECT_THAT(reason_of(R"({"features":{"a":1,"b":2,"c":3}})", few),
              HasSubstr("more than 2 distinct columns"));
}

TEST(RecordDecoder, AnEscapedNameIsNotItsRawText) {
  // The name a\b (3 characters, with a backslash) is written "a\\b"; the raw text "a\b" means a and a
  // backspace.
  RecordDecoder decoder;
  decoded(decoder, R"({"features":{"a\\b":1}})");
  const Sample sample = decoded(decoder, R"({"features":{"a\b":2}})");
  ASSERT_EQ(decoder.columns().size(), 2u);
  EXPECT_EQ(decoder.columns()[0], "a\\b");
  EXPECT_EQ(decoder.columns()[1], "a\b");
  EXPECT_EQ(sample.values[1], 2);
}

TEST(RecordDecoder, ViewsOutliveTheRecord) {
  RecordDecoder decoder;
  for (int i = 0; i < 3; ++i) {  // the parser first, then by layout
    std::string text =
        R"({"features":{"a":1},"label":1,"send_ts":"2026-01-01T00:00:00Z","stage":"st","id":"run-4"})";
    const Sample sample = decoded(decoder, text);
    text.assign(text.size(), '#');
    EXPECT_EQ(sample.id, "run-4");
    EXPECT_EQ(sample.run_id, "run");
    EXPECT_EQ(sample.row, 4);
    EXPECT_EQ(sample.stage, "st");
  }
}

TEST(Labels, AreReadStrictly) {
  const auto label =
      decode_label(R"({"id": "r-5", "label": 3, "send_ts": "2026-01-01T00:00:01Z", "probe": {"x": 1}})");
  ASSERT_TRUE(label);
  EXPECT_EQ(label->id, "r-5");
  EXPECT_EQ(label->label, 3);
  EXPECT_EQ(label->send_ts, epoch + std::chrono::seconds(1));
  for (const auto* bad :
       {"", "5", "{}", R"({"id":"r-1"})", R"({"label":1})", R"({"id":"r-1","label":null})",
        R"({"id":"r-1","label":NaN})", R"({"id":"r-1","label":1e999})", R"({"id":"","label":1})",
        R"({"id":"r-1","label":1,"label":2})", R"({"id":"r-1","label":1}x)"})
    EXPECT_FALSE(decode_label(bad)) << bad;
}

TEST(Labels, AreBounded) {
  const std::string text = R"({"id":"run-5","label":3,"send_ts":"2026-01-01T00:00:01Z"})";
  WireLimits limits;
  limits.max_name_bytes = 5;
  limits.max_label_bytes = static_cast<int64_t>(text.size());
  EXPECT_TRUE(decode_label(text, limits));
  EXPECT_FALSE(decode_label(text + " ", limits));
  limits.max_name_bytes = 4;
  EXPECT_FALSE(decode_label(text, limits));
}

const std::array further_labels = {FurtherLabel{"latency", 0.5}, FurtherLabel{"input_rate", std::nullopt}};

TEST(SeveralTargets, TravelBehindTheFirstTargetsLabel) {
  RecordEncoder encoder({"a"});
  EXPECT_EQ(encoder.encode("r-1", std::array{1.0}, 2.0, epoch, "s", further_labels),
            R"({"features":{"a":1},"label":2,"labels":{"latency":0.5,"input_rate":null},)"
            R"("send_ts":"2026-01-01T00:00:00.000000Z","stage":"s","id":"r-1"})");
  EXPECT_EQ(encode_label("r-1", std::nullopt, epoch, further_labels),
            R"({"id":"r-1","label":null,"labels":{"latency":0.5,"input_rate":null},)"
            R"("send_ts":"2026-01-01T00:00:00.000000Z"})");
  const std::string odd(200, '"');
  const std::array labels = {FurtherLabel{odd, nan_value}};
  RecordDecoder decoder({}, odd);
  EXPECT_EQ(decoded(decoder, encoder.encode("r-1", std::array{1.0}, 2.0, epoch, "s", labels)).label,
            std::nullopt);
}

TEST(SeveralTargets, EachLaneReadsItsOwnLabelByLayoutAsByParser) {
  RecordEncoder encoder({"a", "b"});
  WireLimits parsed;
  parsed.layouts = false;
  for (const auto& limits : {WireLimits(), parsed}) {
    RecordDecoder first(limits), second(limits, "latency"), third(limits, "input_rate"),
        none(limits, "jitter");
    for (int i = 0; i < 6; ++i) {
      const std::optional<double> label = i % 2 == 0 ? std::optional(i + 0.5) : std::nullopt;
      const std::array further = {FurtherLabel{"latency", 100.0 + i},
                                  FurtherLabel{"input_rate", i % 3 == 0 ? std::optional(7.0) : std::nullopt}};
      const std::string text(encoder.encode("r-1", std::array{1.0, 2.0 * i}, label, epoch, "s", further));
      EXPECT_EQ(decoded(first, text).label, label);
      EXPECT_EQ(decoded(second, text).label, 100.0 + i);
      EXPECT_EQ(decoded(third, text).label, further[1].value);
      EXPECT_EQ(decoded(none, text).label, std::nullopt);
      EXPECT_EQ(decoded(second, text).values[1], 2.0 * i);
      // A producer of one target only.
      const std::string plain(encoder.encode("r-2", std::array{1.0, 2.0}, label, epoch, "s"));
      EXPECT_EQ(decoded(first, plain).label, label);
      EXPECT_EQ(decoded(second, plain).label, std::nullopt);
    }
  }
}

TEST(SeveralTargets, WhatIsWrongWithAnothersLabelIsNobodysBusiness) {
  const auto record = [](const std::string& labels) {
    return R"({"features":{"a":1},"label":2,"labels":)" + labels + R"(,"id":"r-1"})";
  };
  for (const char* labels : {"5", "null", "[1,{}]", R"("x")", R"({"latency":"x"})", R"({"latency":{"y":1}})",
                             R"({"latency":NaN})", R"({"latency":1,"latency":2})", "{}"}) {
    RecordDecoder first;
    EXPECT_EQ(decoded(first, record(labels)).label, 2) << labels;
  }
  for (const char* labels : {"null", "{}", R"({"latency":null,"x":[]})", R"({"latency":NaN})",
                             R"({"latency":1e999})", R"({"x":"y"})"}) {
    RecordDecoder second({}, "latency");
    EXPECT_EQ(decoded(second, record(labels)).label, std::nullopt) << labels;
  }
  for (const char* labels : {"5", "[]", R"({"latency":"x"})", R"({"latency":{}})",
                             R"({"latency":1,"latency":2})", R"({"latency":tru})", R"({"x":nul})"}) {
    RecordDecoder second({}, "latency");
    EXPECT_FALSE(second.decode(view_of(record(labels)))) << labels;
  }
  RecordDecoder first;
  EXPECT_FALSE(first.decode(view_of(R"({"features":{"a":1},"labels":{},"labels":{}})")));
  EXPECT_FALSE(first.decode(view_of(record(R"({"x":nul})"))));
}

TEST(SeveralTargets, LateLabels) {
  const std::string both = encode_label("r-1", 2.0, epoch, further_labels);
  EXPECT_EQ(decode_label(both)->label, 2.0);
  EXPECT_EQ(decode_label(both, {}, "latency")->label, 0.5);
  EXPECT_EQ(decode_label(both, {}, "input_rate")->label, std::nullopt);
  EXPECT_EQ(decode_label(both, {}, "jitter")->label, std::nullopt);
  const std::string others = encode_label("r-1", std::nullopt, epoch, further_labels);
  EXPECT_EQ(decode_label(others)->label, std::nullopt);
  EXPECT_EQ(decode_label(others)->id, "r-1");
  EXPECT_EQ(decode_label(others, {}, "latency")->label, 0.5);
  EXPECT_EQ(decode_label(encode_label("r-1", 2.0, epoch), {}, "latency")->label, std::nullopt);
  for (const char* bad :
       {R"({"id":"r-1","label":null,"labels":{}})", R"({"id":"r-1","labels":{"latency":null}})",
        R"({"id":"r-1","label":1,"labels":{"latency":"x"}})", R"({"id":"r-1","label":1,"labels":5})"})
    EXPECT_FALSE(decode_label(bad, {}, "latency")) << bad;
}

/// Any values, whatever their order of magnitude, come back bit for bit, by layout and by parser alike.
RC_GTEST_PROP(RecordCodec, RoundTrip, ()) {
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  Random random(seed);
  std::vector<std::string> columns;
  for (std::size_t c = 0; c < 1 + random.below(20); ++c)
    columns.push_back("vnf_" + to_text(c) + (c % 5 == 4 ? "@-1" : "-event"));
  RecordEncoder encoder(columns);
  RecordDecoder with_layouts;
  WireLimits limits;
  limits.layouts = false;
  RecordDecoder without(limits);
  with_layouts.expect(columns);
  without.expect(columns);
  for (int64_t row = 0; row < 20; ++row) {
    std::vector<double> values;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      double value = random.chance(0.5) ? std::floor(std::exp(random.uniform(0, 40)))
                                        : random.normal() * std::exp(random.uniform(-300, 300));
      if (random.chance(0.1)) value = -value;
      values.push_back(random.chance(0.02) ? nan_value : value);
    }
    const std::optional<double> label = random.chance(0.5) ? std::optional(random.normal()) : std::nullopt;
    const Time time = epoch + Duration(static_cast<int64_t>(random.below(1'000'000'000'000)));
    const std::string text(encoder.encode(make_id("run", row), values, label, time, "stage"));
    for (RecordDecoder* decoder : {&with_layouts, &without}) {
      const auto sample = decoder->decode(view_of(text));
      RC_ASSERT(sample.has_value());
      RC_ASSERT(sample->values.size() == columns.size());
      for (std::size_t c = 0; c < columns.size(); ++c) RC_ASSERT(same_number(values[c], sample->values[c]));
      RC_ASSERT(sample->label == label);
      RC_ASSERT(sample->send_ts == time);
      RC_ASSERT(sample->row == row);
      RC_ASSERT(sample->stage == "stage");
    }
  }
}

/// A record with a byte changed, by layout as by the parser: both refuse it, or both read the same.
RC_GTEST_PROP(RecordCodec, TheShortCutAgreesWithTheParser, ()) {
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  Random random(seed);
  RecordEncoder encoder({"firewall_instructions", "bridge_cycles", "x", "x@-1"});
  WireLimits limits;
  limits.layouts = false;
  const std::string lane = random.chance(0.5) ? "latency" : "";
  RecordDecoder with_layouts({}, lane);
  RecordDecoder without(limits, lane);
  const std::span<const FurtherLabel> further(further_labels.data(), random.below(3));
  for (int64_t row = 0; row < 40; ++row) {
    std::string text(encoder.encode(
        make_id("run", row),
        std::array{std::exp(random.uniform(0, 30)), std::floor(random.uniform(0, 1e7)), 3.0, -4e-9}, 17.5,
        epoch, "stage0", further));
    constexpr std::string_view likely = "0123456789.eE+-\",:{} \\nul";
    if (random.chance(0.7)) text[random.below(text.size())] = likely[random.below(likely.size())];
    if (random.chance(0.2)) text.erase(random.below(text.size()), 1);
    const auto a = with_layouts.decode(view_of(text));
    const auto b = without.decode(view_of(text));
    RC_LOG() << text << "\n";
    RC_ASSERT(a.has_value() == b.has_value());
    RC_ASSERT(with_layouts.columns() == without.columns());
    if (!a) continue;
    RC_ASSERT(a->finite == b->finite);
    RC_ASSERT(a->non_finite == b->non_finite);
    RC_ASSERT(a->absent == b->absent);
    RC_ASSERT(a->label == b->label);
    RC_ASSERT(a->id == b->id);
    RC_ASSERT(a->stage == b->stage);
    RC_ASSERT(a->send_ts == b->send_ts);
    for (std::size_t c = 0; c < a->values.size(); ++c) RC_ASSERT(same_number(a->values[c], b->values[c]));
  }
}

}  // namespace
}  // namespace drst
