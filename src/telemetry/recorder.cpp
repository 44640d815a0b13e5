#include "telemetry/recorder.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "telemetry/metric_shards.h"
#include "telemetry/resource_record.h"

namespace drst {

namespace {
/// Kept for the report; then every second one is dropped, again and again.
constexpr std::size_t most_samples = 512;

struct Stream {
  std::unique_ptr<MetricShards> shards;
  std::unique_ptr<MetricStream> lines;  // null: could not be had
};
}  // namespace

struct Recorder::State {
  State(ObjectStore& store_in, const Clock& clock_in, const TelemetrySettings& settings_in,
        std::string member_in)
      : store(store_in), clock(clock_in), settings(settings_in) {
    record.member = std::move(member_in);
    sampler.watch_process(record.member, ::getpid());
  }

  ObjectStore& store;
  const Clock& clock;
  TelemetrySettings settings;
  const double begun = monotonic_seconds();

  // Of the recording thread, and of finish() when that has ended.
  ResourceSampler sampler;
  ResourceRecord record;
  uint64_t readings = 0, keep_each = 1;
  double last_upload = begun;
  MetricStream* own = nullptr;

  std::mutex mutex;                       // guards the two below
  std::map<std::string, Stream> streams;  // by store and name
  bool stopping = false;
  std::condition_variable stop;
  bool finished = false;
  std::thread thread;

  MetricStream* stream(const std::string& name, ObjectStore& into) {
    const std::lock_guard lock(mutex);
    const std::string key = into.url() + " " + name;
    const auto found = streams.find(key);
    if (found != streams.end()) return found->second.lines.get();
    Stream made;
    try {
      made.shards = std::make_unique<MetricShards>(into, name, settings);
      const auto file = into.local_file("results/metrics/" + name + ".jsonl");
      made.lines = std::make_unique<MetricStream>(file.value_or(std::filesystem::path()), clock, settings,
                                                  made.shards.get());
    } catch (const Error& error) {
      log::warning(name + ": its metrics are not recorded: " + error.what());
    }
    return streams.emplace(key, std::move(made)).first->second.lines.get();
  }

  void keep(const ResourceRecord::Sample& sample) {
    if (readings++ % keep_each != 0) return;
    record.samples.push_back(sample);
    if (record.samples.size() < most_samples) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < record.samples.size(); i += 2) record.samples[kept++] = record.samples[i];
    record.samples.resize(kept);
    keep_each *= 2;
  }

  void sample() {
    const double before = sampler.usage().at(record.member).cpu_s;
    const double since = monotonic_seconds() - begun - record.wall_s;
    sampler.sample();
    const auto& used = sampler.usage().at(record.member);
    record.wall_s = monotonic_seconds() - begun;
    keep({record.wall_s, used.cpu_s, used.rss_mib, used.private_mib});
    if (own == nullptr) return;
    own->emit(record.member, "resources",
              {{"wall_s", record.wall_s},
               {"cpu_s", used.cpu_s},
               {"cpu_share", since > 0 ? (used.cpu_s - before) / since : 0},
               {"rss_mib", used.rss_mib},
               {"private_mib", used.private_mib}});
  }

  void write_out(bool everything) {
    std::vector<Stream*> all;
    {
      const std::lock_guard lock(mutex);
      for (auto& [name, stream] : streams)
        if (stream.lines) all.push_back(&stream);  // a map's elements stay where they are
    }
    const bool due = everything || monotonic_seconds() - last_upload >= settings.upload_interval_s;
    if (due) last_upload = monotonic_seconds();
    for (auto* stream : all) {
      stream->lines->flush();
      if (due || stream->shards->half_full()) stream->shards->upload();
    }
  }

  void run() {
    const std::chrono::duration<double> interval(settings.sample_interval_s);
    for (;;) {
      sample();
      write_out(false);
      std::unique_lock lock(mutex);
      if (stop.wait_for(lock, interval, [this] { return stopping; })) return;
    }
  }

  void finish() {
    if (finished) return;
    finished = true;
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    stop.notify_all();
    if (thread.joinable()) thread.join();
    sample();
    const auto& used = sampler.usage().at(record.member);
    record.cpu_s = used.cpu_s;
    record.private_peak_mib = used.private_peak_mib;
    record.rss_peak_mib = std::max(used.rss_peak_mib, read_process(::getpid()).rss_peak_mib);
    try {
      store.put(resources_prefix + record.member + ".json", to_json(record));
    } catch (const Error& error) {
      log::warning(record.member + ": what it used is not recorded: " + error.what());
    }
    write_out(true);
  }
};

Recorder::Recorder(ObjectStore& store, const Clock& clock, const TelemetrySettings& settings,
                   std::string member)
    : state_(std::make_unique<State>(store, clock, settings, std::move(member))) {
  state_->own = state_->stream(state_->record.member, state_->store);
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

Recorder::~Recorder() { state_->finish(); }

MetricStream* Recorder::stream(const std::string& name) { return state_->stream(name, state_->store); }
MetricStream* Recorder::stream(const std::string& name, ObjectStore& store) {
  return state_->stream(name, store);
}
MetricStream* Recorder::stream() { return state_->own; }
void Recorder::finish() { state_->finish(); }

}  // namespace drst
