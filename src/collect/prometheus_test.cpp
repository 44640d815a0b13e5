#include "collect/prometheus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"

namespace drst {
namespace {

using testing::HasSubstr;

/// "name{a=b}=1c" of each sample; c: a counter.
std::string shown(std::string_view page, MetricPage* read = nullptr) {
  std::vector<std::string> samples;
  const auto result = read_metrics_page(page, [&](const MetricSample& sample) {
    std::vector<std::string> labels;
    for (const auto& [name, value] : sample.labels)
      labels.push_back(std::string(name).append("=").append(value));
    std::string text(sample.name);
    text += "{" + join(labels, ",") + "}=" + to_text(sample.value);
    samples.push_back(text + (sample.counter ? "c" : ""));
  });
  if (read != nullptr) *read = result;
  EXPECT_EQ(result.samples, samples.size());
  return join(samples, " ");
}

TEST(MetricsPage, SamplesWithAndWithoutLabels) {
  EXPECT_EQ(
      shown("a 1\nb{x=\"1\",y=\"2\"} 2.5\nc{x=\"1\",} -3e2 1395066363000\n d { x = \"1\" } 4\ne{} 5\r\nf 6"),
      "a{}=1 b{x=1,y=2}=2.5 c{x=1}=-300 d{x=1}=4 e{}=5 f{}=6");
}

TEST(MetricsPage, EscapesAndOddNumbers) {
  EXPECT_EQ(shown("a{x=\"q\\\"b\\\\n\\nl\\t}, \"} 1\n"), "a{x=q\"b\\n\nl\\t}, }=1");
  EXPECT_EQ(shown("a NaN\nb +Inf\nc -Inf\nd +1\n"), "a{}=nan b{}=inf c{}=-inf d{}=1");
}

TEST(MetricsPage, CountersByTheirType) {
  EXPECT_EQ(shown("# HELP a_total not TYPE\n# TYPE a_total counter\na_total 1\n"
                  "# TYPE b gauge\nb 1\n"
                  "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\nh_created 1\n"
                  "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\n"
                  "untyped_total 1\n# TYPE g_count gauge\n# TYPE g histogram\ng_count 1\n"),
            "a_total{}=1c b{}=1 h_bucket{le=+Inf}=1c h_sum{}=1c h_count{}=1c h_created{}=1 "
            "s{quantile=0.5}=1 s_sum{}=1c s_count{}=1c untyped_total{}=1 g_count{}=1");
}

TEST(MetricsPage, OpenMetricsWithExemplars) {
  EXPECT_EQ(shown("# TYPE a counter\n# UNIT a bytes\na_total{x=\"1\"} 17 1520879607.789 # {id=\"7\"} 0.5 1\n"
                  "a_total 3 # {} 1\na_created 1\n# EOF\n"),
            "a_total{x=1}=17c a_total{}=3c a_created{}=1");
}

TEST(MetricsPage, BadLinesAreCountedAndTheOthersTaken) {
  MetricPage read;
  EXPECT_EQ(
      shown("a 1\n<html>\nb{x=1} 2\nc{x=\"1\" 3\nd\ne x\nf 1 2 3\ng{x=\"1\n7up 1\nh{x=\"1\"y=\"2\"} 1\nz 9\n",
            &read),
      "a{}=1 z{}=9");
  EXPECT_EQ(read.bad_lines, 9U);
  EXPECT_EQ(read.first_bad_line, 2U);
  EXPECT_EQ(shown(""), "");
}

TEST(MetricsPage, ASeriesIsItsNameAndLabels) {
  std::vector<std::string> series;
  read_metrics_page("a 1\nb{x=\"1\"} 2 3\n",
                    [&](const MetricSample& sample) { series.emplace_back(sample.series); });
  EXPECT_THAT(series, testing::ElementsAre("a", "b{x=\"1\"}"));
}

std::size_t matching(const std::string& selector) {
  const auto chosen = parse_metric_selector(selector);
  if (!chosen) return 99;
  std::size_t count = 0;
  read_metrics_page("a 1\na{x=\"1\"} 1\na{x=\"1\",y=\"2\"} 1\na{x=\"2\"} 1\nab{x=\"1\"} 1\n",
                    [&](const MetricSample& sample) { count += chosen->matches(sample) ? 1U : 0U; });
  return count;
}

TEST(MetricSelector, AllItsLabelsMustMatch) {
  EXPECT_EQ(matching("a"), 4U);
  EXPECT_EQ(matching(" a{x=\"1\"} "), 2U);
  EXPECT_EQ(matching("a{ y = \"2\", x = \"1\" }"), 1U);
  EXPECT_EQ(matching("a{z=\"1\"}"), 0U);
}

TEST(MetricSelector, OthersAreRefused) {
  for (const char* text : {"", "{x=\"1\"}", "a{x=~\"1\"}", "a{x!=\"1\"}", "a{x=\"1\"", "a b", "rate(a)"}) {
    const auto chosen = parse_metric_selector(text);
    ASSERT_FALSE(chosen) << text;
    EXPECT_THAT(chosen.error().reason, HasSubstr("is no metric"));
  }
}

TEST(MaskedUrl, HidesWhoAndWhat) {
  EXPECT_EQ(masked_url("http://host:9100/metrics"), "http://host:9100/metrics");
  EXPECT_EQ(masked_url("http://me:secret@host/metrics?token=x#y"), "http://***@host/metrics?***");
  EXPECT_EQ(masked_url("http://me:se/cr?e@t@host/metrics"), "http://***@host/metrics");
  EXPECT_EQ(
      masked_words("cannot resolve me:secret@host with token=x: secret", "http://me:secret@host/?token=x"),
      "cannot resolve ***@host with ***: ***");
}

}  // namespace
}  // namespace drst
