#include "base/error.h"
#include "base/log.h"
#include "drift/monitor_state.h"
#include "drift/state_bytes.h"

namespace drst {

namespace {
constexpr std::string_view magic = "drst-monitor-2\n";
constexpr const char* state_key = "results/monitor_state.bin";
constexpr const char* done_key = "results/monitor_done.flag";
constexpr uint64_t most_state_bytes = uint64_t{1} << 30;
}  // namespace

void Monitor::State::save() {
  StateWriter out(magic);
  out.text(options.topic);
  out.text(reader.run_id());
  out.text(reader.positions());
  out.text(detector.save());
  errors.save(out);
  window.save(out);
  history.save(out);
  for (const uint64_t count : {counts.records, counts.alarms, counts.stale_locks}) out.number(count);
  out.text(event);
  out.text(cleared);
  out.text(end_reason);
  store.put(state_key, out.take());
  unsaved = 0;
  if (reader.commit()) {
    lost_commits = 0;
    return;
  }
  // Once may be a pause longer than the lease; the next poll takes the place back, unless another has it.
  if (++lost_commits > 1)
    throw LeaseLost("the monitor has lost its place in group " + options.group + " of topic " +
                    options.topic);
  log::warning("the monitor's lease in group " + options.group + " had run out when it wanted to commit");
}

/// What another run of this store left must not be taken for this one's.
void Monitor::State::forget_other_run() {
  for (const char* key : {done_key, "results/drift_signal.json", "results/drift_signal.npz"})
    store.remove(key);
}

void Monitor::State::load() {
  const auto bytes = store.get(state_key, most_state_bytes);
  if (!bytes) return forget_other_run();
  StateReader in(*bytes, magic, store.url() + " " + state_key);
  const std::string topic = in.text();
  const std::string run = in.text();
  if (topic != options.topic)
    in.refuse("is of topic " + topic + ", not " + options.topic + "; remove it to start anew");
  if (!options.run_id.empty() && !run.empty() && run != options.run_id) {
    log::info("the monitor's saved state is of run " + run + "; starting anew for " + options.run_id);
    return forget_other_run();
  }
  reader.restore(in.text());
  detector.restore(in.text());
  errors.restore(in);
  window.restore(in);
  history.restore(in);
  counts.records = in.number<uint64_t>();
  counts.alarms = in.number<uint64_t>();
  counts.stale_locks = in.number<uint64_t>();
  event = in.text();
  cleared = in.text();
  end_reason = in.text();
  in.end();
  if (end_reason.empty()) store.remove(done_key);  // of an idle end: there may be more to come
}

}  // namespace drst
