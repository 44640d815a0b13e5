// Pages of metrics, whatever the bytes: samples that stand in the page, which a selector of the same text
// finds; and no secret of an address in what is shown of it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "collect/prometheus.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t count = 0;
  const auto page = drst::read_metrics_page(bytes, [&](const drst::MetricSample& sample) {
    ++count;
    if (sample.name.empty() || bytes.find(sample.series) == std::string_view::npos) __builtin_trap();
    const auto selector = drst::parse_metric_selector(sample.series);
    if (!selector || !selector->matches(sample)) __builtin_trap();
  });
  const auto lines = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n')) + 1;
  if (page.samples != count || page.samples + page.bad_lines > lines) __builtin_trap();
  (void)drst::parse_metric_selector(bytes);
  const std::string url = "http://me:" + std::string(bytes.substr(0, 64)) + "@host/metrics";
  if (drst::masked_url(url) != "http://***@host/metrics") __builtin_trap();
  (void)drst::masked_words(std::string(bytes), bytes.substr(0, 64));
  return 0;
}
