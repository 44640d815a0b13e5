// Pages of metrics: Prometheus' text format 0.0.4 and OpenMetrics 1.0, line by line. Pure functions, any
// thread; nothing of a page is kept.
//
// Comments other than TYPE, timestamps and exemplars are passed over. A counter is what TYPE says is one, and
// the counts, sums and buckets of histograms and summaries. Lines that are none of the format are left out
// and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace drst {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

struct MetricSample {
  std::string_view series;  ///< name and labels as the page has them
  std::string_view name;
  const MetricLabels& labels;
  double value;  ///< may be NaN or infinite
  bool counter;
};

struct MetricPage {
  std::size_t samples = 0;
  std::size_t bad_lines = 0;
  std::size_t first_bad_line = 0;  ///< from 1
};

/// Hands over each sample of the page in its order. The views are good within the call only.
MetricPage read_metrics_page(std::string_view page,
                             const std::function<void(const MetricSample&)>& on_sample);

/// `name` or `name{label="value", ...}`.
struct MetricSelector {
  std::string name;
  MetricLabels labels;
  /// Its name, and all labels; it may have others.
  [[nodiscard]] bool matches(const MetricSample& sample) const;
};
Result<MetricSelector> parse_metric_selector(std::string_view text);

/// The address without what may be a secret: "http://***@host/metrics?***".
std::string masked_url(std::string_view url);
/// `words` without the parts of `url` that masked_url hides.
std::string masked_words(std::string words, std::string_view url);

}  // namespace drst
