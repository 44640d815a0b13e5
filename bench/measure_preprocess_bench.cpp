// How fast raw perf output becomes tables, beside yardsticks on the same bytes in the same run.
//   build/bin/measure_preprocess_bench [EXPERIMENTS]
// EXPERIMENTS: 60 by default, of 179 seconds, five VNFs, 16 events in the published layout, rates and
// latency; in temporary files, which the page cache holds. Yardsticks: counting lines as `wc -l` does; every
// field through std::from_chars, which is fast_float in libstdc++ 12; simdjson over the JSON lines. Prints
// the median of five rounds in MB/s (10^6 bytes) of processor time of one thread.
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "measure/perf_series.h"
#include "measure/preprocess.h"

namespace {

constexpr int seconds = 179;

std::vector<std::string> all_events() {
  auto events = drst::ChainSchema{}.events;
  for (const char* more : {"context-switches", "cpu-clock", "minor-faults", "page-faults"})
    events.emplace_back(more);
  return events;
}

std::string perf_text(drst::Random& random) {
  std::string text = "# started on Thu Feb 23 14:12:00 2023\n\n";
  for (int second = 1; second <= seconds; ++second) {
    const std::string time = "     " + drst::to_fixed(second * 1.000447, 9);
    for (const auto& event : all_events()) {
      text.append(time).append(",");
      text.append(drst::to_text(static_cast<std::int64_t>(std::exp(random.uniform(8, 23)))))
          .append(",,")
          .append(event);
      text += ",0.00%," + drst::to_text(static_cast<std::int64_t>(random.uniform(1e7, 1e8))) + ",";
      text += drst::to_fixed(random.uniform(9, 22), 2) + "," + drst::to_fixed(random.uniform(0, 2000), 3) +
              ",M/sec\n";
    }
  }
  return text;
}

std::string perf_json(drst::Random& random) {
  std::string text;
  for (int second = 1; second <= seconds; ++second)
    for (const auto& event : all_events())
      text += R"({"interval" : )" + drst::to_fixed(second * 1.000447, 9) + R"(, "counter-value" : ")" +
              drst::to_text(static_cast<std::int64_t>(std::exp(random.uniform(8, 23)))) +
              R"(.000000", "unit" : "", "event" : ")" + event +
              R"(", "event-runtime" : 50230775, "pcnt-running" : )" +
              drst::to_fixed(random.uniform(9, 22), 2) +
              R"(, "metric-value" : 3.830000, "metric-unit" : "M/sec"})" + "\n";
  return text;
}

std::string rates(drst::Random& random) {
  std::string text = "Time,Device,Direction,PacketRate,Mbit,MbitWithFraming,TotalPackets,TotalBytes\n";
  for (int second = 0; second < seconds; ++second)
    text += drst::to_text(1677157920 + second) + ",Device: id=0,TX," +
            drst::to_fixed(random.uniform(1, 10), 13) + "," + drst::to_fixed(random.uniform(100, 9999), 10) +
            "," + drst::to_fixed(random.uniform(100, 9999), 10) + ",4613537,313722124\n";
  return text;
}

double processor_seconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class Work>
double median_of_rounds(const Work& work, clockid_t clock = CLOCK_THREAD_CPUTIME_ID) {
  std::vector<double> times;
  for (int round = 0; round < 5; ++round) {
    const double begin = processor_seconds(clock);
    work();
    times.push_back(processor_seconds(clock) - begin);
  }
  std::sort(times.begin(), times.end());
  return times[2];
}

std::size_t count_lines(const std::string& text) {
  std::size_t lines = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end && (at = static_cast<const char*>(
                           std::memchr(at, '\n', static_cast<std::size_t>(end - at)))) != nullptr) {
    ++lines;
    ++at;
  }
  return lines;
}

/// The sum of all numbers, so that nothing is left out.
double every_number(const std::string& text) {
  double sum = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    while (at != end && *at == ' ') ++at;
    double value = 0;
    const auto [stop, code] = std::from_chars(at, end, value);
    if (code == std::errc()) sum += value;
    at = stop;
    while (at != end && *at != ',' && *at != '\n') ++at;
    if (at != end) ++at;
  }
  return sum;
}

double every_json_count(const simdjson::padded_string& text, simdjson::ondemand::parser& parser) {
  double sum = 0;
  simdjson::ondemand::document_stream lines;
  if (parser.iterate_many(text, std::size_t{1} << 20).get(lines) != simdjson::SUCCESS) return -1;
  for (auto line : lines) {
    std::string_view event;
    double count = 0;
    double share = 0;
    simdjson::ondemand::object object;
    if (line.get_object().get(object) != simdjson::SUCCESS) return -1;
    if (object["counter-value"].get_double_in_string().get(count) != simdjson::SUCCESS) return -1;
    if (object["event"].get_string().get(event) != simdjson::SUCCESS) return -1;
    if (object["pcnt-running"].get_double().get(share) != simdjson::SUCCESS) return -1;
    sum += count + share + static_cast<double>(event.size());
  }
  return sum;
}

void print(const char* what, double bytes, double time, double yardstick) {
  std::printf("%-44s %8.0f MB/s %8.3f\n", what, bytes / time / 1e6, yardstick / time);
}

}  // namespace

int main(int argc, char** argv) {
  const auto experiments = argc > 1 ? drst::parse_int(argv[1]).value_or(0) : 60;
  if (experiments <= 0) {
    std::fprintf(stderr, "usage: measure_preprocess_bench [EXPERIMENTS]\n");
    return 2;
  }
  drst::Random random(7);
  std::string text;
  std::string json;
  std::vector<std::string> files;
  for (std::int64_t i = 0; i < experiments; ++i) files.push_back(perf_text(random));
  for (const auto& file : files) text += file;
  for (std::int64_t i = 0; i < experiments; ++i) json += perf_json(random);
  const auto bytes = static_cast<double>(text.size());
  const auto json_bytes = static_cast<double>(json.size());
  drst::PerfOptions options;
  options.events = drst::ChainSchema{}.events;

  double used = 0;
  const double lines = median_of_rounds([&] { used += static_cast<double>(count_lines(text)); });
  const double numbers = median_of_rounds([&] { used += every_number(text); });
  const double reading = median_of_rounds([&] {
    for (const auto& file : files) {
      drst::FileDirt dirt;
      used += drst::read_perf(file, options, dirt).columns.at(0).counts.at(0);
    }
  });
  std::printf("%lld files of perf text, %.1f MB; ratios to the yardstick above\n",
              static_cast<long long>(experiments), bytes / 1e6);
  print("count lines", bytes, lines, lines);
  print("every field by from_chars (yardstick)", bytes, numbers, numbers);
  print("read_perf, text", bytes, reading, numbers);

  const simdjson::padded_string padded(json);
  simdjson::ondemand::parser parser;
  const double simd = median_of_rounds([&] { used += every_json_count(padded, parser); });
  const double json_reading = median_of_rounds([&] {
    drst::FileDirt dirt;
    used += drst::read_perf(json, options, dirt).columns.at(0).counts.at(0);
  });
  std::printf("JSON lines, %.1f MB\n", json_bytes / 1e6);
  print("simdjson (yardstick)", json_bytes, simd, simd);
  print("read_perf, JSON", json_bytes, json_reading, simd);

  const drst::TemporaryFolder folder;
  double raw = 0;
  for (std::int64_t i = 0; i < experiments; ++i) {
    const auto bundle = folder.path() / "raw" / "load" / ("exp-" + drst::to_text(i));
    std::filesystem::create_directories(bundle);
    const auto put = [&](const std::string& name, const std::string& content) {
      drst::write_file_atomic(bundle / name, content, drst::Sync::no);
      raw += static_cast<double>(content.size());
    };
    for (const auto& vnf : drst::ChainSchema{}.vnfs) put(vnf + ".csv", perf_text(random));
    put("tx_stats.csv", rates(random));
    put("rx_stats.csv", rates(random));
  }
  drst::PreprocessRequest request;
  request.inputs = {folder.path() / "raw"};
  request.out = folder.path() / "out";
  request.overwrite = true;
  request.settings.threads = 1;
  const double whole = median_of_rounds([&] { used += static_cast<double>(drst::preprocess(request).bytes); },
                                        CLOCK_PROCESS_CPUTIME_ID);
  std::printf("drst preprocess perf, from files to merged tables with provenance, %.1f MB\n", raw / 1e6);
  print("one thread", raw, whole, numbers * raw / bytes);
  return used == 0 ? 1 : 0;
}
