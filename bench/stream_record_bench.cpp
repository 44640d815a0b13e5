// How fast samples are written and read, beside simdjson alone (parse and visit all numbers) over the same
// bytes. One core; batch 1: the same record again and again; batch 64: 64 different records in turn.
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "stream/record.h"

namespace {

using namespace drst;

std::vector<std::string> column_names() {
  const std::array events = {"instructions",    "branches",         "branch-misses", "branch-load-misses",
                             "cache-misses",    "cache-references", "cycles",        "L1-dcache-load-misses",
                             "L1-dcache-loads", "LLC-load-misses",  "LLC-stores",    "LLC-loads"};
  std::vector<std::string> names;
  for (const auto* event : events)
    for (const auto* vnf : {"firewall", "nf_router", "ndpi_stats", "payload_scan", "bridge"})
      names.push_back(std::string(vnf) + "_" + event);
  return names;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Best of several rounds, taken in turn: other work on the machine only ever makes one slower, and hits all
/// alike.
std::vector<double> per_second(std::size_t count, const std::vector<std::function<void()>>& contestants) {
  std::vector<double> best(contestants.size(), 1e9);
  for (int round = 0; round < 25; ++round)
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      const double start = cpu_seconds();
      contestants[i]();
      best[i] = std::min(best[i], cpu_seconds() - start);
    }
  for (auto& seconds : best) seconds = static_cast<double>(count) / seconds;
  return best;
}

}  // namespace

int main() {
  constexpr std::size_t records = 20'000;
  const auto names = column_names();
  Random random(1);
  std::vector<std::vector<double>> rows(64);
  for (auto& row : rows)
    for (std::size_t c = 0; c < names.size(); ++c) row.push_back(std::floor(std::exp(random.uniform(8, 23))));
  RecordEncoder encoder(names);
  const Time now = VirtualClock::default_epoch();

  std::printf("%-6s %6s %12s %12s %12s %12s %16s\n", "batch", "bytes", "simdjson/s", "decode/s", "parsed/s",
              "encode/s", "decode/simdjson");
  for (const std::size_t batch : {std::size_t{1}, std::size_t{64}}) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < batch; ++i)
      texts.emplace_back(
          encoder.encode(make_id("bench", static_cast<int64_t>(i)), rows[i], 187.2243, now, "stage0"));
    double sum = 0;

    simdjson::ondemand::parser parser;
    std::vector<simdjson::padded_string> padded;
    padded.reserve(texts.size());
    for (const auto& text : texts) padded.emplace_back(text);
    const auto simdjson_alone = [&] {
      for (std::size_t i = 0; i < records; ++i) {
        auto document = parser.iterate(padded[i % batch]);
        for (auto member : document["features"].get_object()) sum += member.value().get_double().value();
      }
    };
    const auto decode_with = [&](RecordDecoder& decoder) {
      for (std::size_t i = 0; i < records; ++i) {
        RecordView view;
        view.value = texts[i % batch];
        const auto sample = decoder.decode(view);
        if (!sample) std::abort();
        sum += sample->values[0];
      }
    };
    RecordDecoder by_layout;
    WireLimits no_layouts;
    no_layouts.layouts = false;
    RecordDecoder by_parser(no_layouts);
    const auto rates = per_second(
        records, {simdjson_alone, [&] { decode_with(by_layout); }, [&] { decode_with(by_parser); },
                  [&] {
                    for (std::size_t i = 0; i < records; ++i)
                      sum += static_cast<double>(
                          encoder.encode("bench-17", rows[i % batch], 187.2243, now, "stage0").size());
                  }});
    std::printf("%-6zu %6zu %12.0f %12.0f %12.0f %12.0f %16.2f\n", batch, texts[0].size(), rates[0], rates[1],
                rates[2], rates[3], rates[1] / rates[0]);
    if (sum == 0) return 1;
  }
  return 0;
}
