#include "telemetry/metric_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "telemetry/metric_shards.h"
#include "telemetry/resources.h"

namespace drst {

namespace {
/// True unless the file is empty or ends with a whole line.
bool ends_within_a_line(int descriptor) {
  const auto size = ::lseek(descriptor, 0, SEEK_END);
  char last = '\n';
  return size > 0 && ::pread(descriptor, &last, 1, size - 1) == 1 && last != '\n';
}
}  // namespace

struct MetricStream::State {
  State(const std::filesystem::path& file_in, const Clock& clock_in, const TelemetrySettings& settings_in,
        MetricShards* shards_in)
      : file(file_in), clock(clock_in), settings(settings_in), shards(shards_in) {}

  std::filesystem::path file;
  const Clock& clock;
  TelemetrySettings settings;
  MetricShards* shards;
  Descriptor descriptor;

  std::mutex mutex;
  std::string lines;
  std::size_t written = 0;  // bytes of `lines` that a write cut short has already brought to the file
  uint64_t emitted = 0, dropped = 0;
  bool refused = false;  // the disk, and it was said

  /// With the mutex held.
  bool write_out() {
    while (written < lines.size()) {
      const auto wrote = ::write(descriptor.get(), lines.data() + written, lines.size() - written);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) {
        if (!refused)
          log::warning("metrics cannot be written to " + file.string() + ": " +
                       std::generic_category().message(errno) +
                       "; they are kept in memory, and dropped when that is full");
        refused = true;
        return false;
      }
      written += static_cast<std::size_t>(wrote);
    }
    lines.clear();
    written = 0;
    refused = false;
    return true;
  }
};

MetricStream::MetricStream(const std::filesystem::path& file, const Clock& clock,
                           const TelemetrySettings& settings, MetricShards* shards)
    : state_(std::make_unique<State>(file, clock, settings, shards)) {
  if (file.empty()) return;
  make_folders(file.parent_path());
  state_->descriptor = Descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!state_->descriptor.valid())
    throw FailedError("cannot open " + file.string() +
                      " for metrics: " + std::generic_category().message(errno));
  if (ends_within_a_line(state_->descriptor.get())) state_->lines = "\n";
}

MetricStream::~MetricStream() { flush(); }

void MetricStream::emit(std::string_view component, std::string_view metric,
                        const std::vector<MetricField>& fields) {
  auto& s = *state_;
  const Time now = s.clock.now();
  if (s.shards != nullptr) s.shards->add(now, component, metric, fields);
  if (!s.descriptor.valid()) return;
  nlohmann::ordered_json object;
  object["ts"] = to_iso8601(now);
  object["component"] = component;
  object["metric"] = metric;
  for (const auto& field : fields) {
    auto& member = object[std::string(field.name)];
    if (field.is_text) {
      member = field.text;
    } else if (std::isfinite(field.value)) {
      member = field.value;
    }
  }
  std::string line = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  line += '\n';
  const std::lock_guard lock(s.mutex);
  if (s.lines.size() + line.size() > static_cast<std::size_t>(s.settings.buffer_bytes)) s.write_out();
  if (s.lines.size() + line.size() > static_cast<std::size_t>(s.settings.buffer_bytes)) {
    ++s.dropped;
    return;
  }
  s.lines += line;
  ++s.emitted;
  if (s.lines.size() >= static_cast<std::size_t>(s.settings.flush_bytes) && !s.refused) s.write_out();
}

bool MetricStream::flush() {
  const std::lock_guard lock(state_->mutex);
  return state_->write_out();
}

uint64_t MetricStream::emitted() const {
  const std::lock_guard lock(state_->mutex);
  return state_->emitted;
}

uint64_t MetricStream::dropped() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped;
}

ScopedTimer::ScopedTimer(MetricStream* stream, std::string_view component, std::string_view what)
    : stream_(stream),
      component_(component),
      what_(what),
      wall_start_(monotonic_seconds()),
      cpu_start_(thread_cpu_seconds()) {}

double ScopedTimer::runtime_ms() const { return (monotonic_seconds() - wall_start_) * 1e3; }

ScopedTimer::~ScopedTimer() {
  if (stream_ == nullptr) return;
  stream_->emit(component_, what_,
                {{"runtime_ms", runtime_ms()}, {"cpu_ms", (thread_cpu_seconds() - cpu_start_) * 1e3}});
}

}  // namespace drst
