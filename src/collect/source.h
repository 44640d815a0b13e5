// What a live chain is measured by: counters of processes, lines of a running tool, a network card, a socket,
// a page over HTTP. Each is a `Source`, small and alone; the collector (collector.h) asks all of them at each
// tick of a grid and makes one row of what they say.
//
// A source never stalls and never ends the collection: whatever it measures may vanish, be restarted, say
// nothing or say nonsense; its values are then missing (NaN), `state()` says why, and it looks for its object
// again by itself. Sources that must wait for an answer (a socket, HTTP) ask on a thread of their own
// (asking.h). A source is made once; only what can never work (a wrong setting, a file that is a folder) is
// an InputError of its maker, named by `spec.where`. One thread calls a source.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "collect/chain.h"
#include "collect/settings.h"

namespace drst {

/// A point of the grid. Times are CLOCK_MONOTONIC in nanoseconds, so that steps of the wall clock change
/// nothing.
struct Tick {
  std::int64_t number = 0;  ///< of the grid, from 0; those that were missed are left out
  std::int64_t due_ns = 0;  ///< where the grid has it
  std::int64_t now_ns = 0;  ///< when it was begun
  double interval_s = 1;    ///< of the grid
};

/// How a source is doing, for the terminal and --dry-run.
struct SourceState {
  bool present = false;  ///< what it measures is there and gave its values, as far as they exist at all
  std::string words;  ///< why not, or what is less than asked for ("cycles: not supported here"); may be ""
};

class Source {
 public:
  virtual ~Source() = default;
  /// For messages: "perf firewall", "nic eth0".
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// Columns in order, before the renaming of the chain file. Names may be appended (a header is read late),
  /// never changed or removed.
  [[nodiscard]] virtual const std::vector<std::string>& columns() const = 0;
  /// False as long as columns are still to be learned; the collector waits a while for them at its start.
  [[nodiscard]] virtual bool knows_columns() const { return true; }
  /// Called at the tick, before any `take`: who must wait for an answer asks now. Returns at once.
  virtual void ask(const Tick&) {}
  /// False while an answer to `ask` is on its way; the collector comes back until its patience ends.
  [[nodiscard]] virtual bool answered() const { return true; }
  /// The interval that ends at the tick: one value a column, and the share of the interval in which it was
  /// measured (0 to 1; NaN: not known). Both spans are as long as columns() and NaN on entry. Rates and
  /// counts are for `tick.interval_s`, whatever time has really passed since the last tick. Returns at once.
  virtual void take(const Tick& tick, std::span<double> values, std::span<double> shares) = 0;
  [[nodiscard]] virtual SourceState state() const = 0;
  /// How old the values of the last `take` were at its tick, in seconds: 0 for what is read at the tick, the
  /// time since a line came for what is followed. NaN: not known.
  [[nodiscard]] virtual double age_s() const { return 0; }
};

/// By `spec.type`. InputError as above.
std::unique_ptr<Source> make_source(const SourceSpec& spec, const CollectSettings& settings);

/// The makers by type; internal to make_source.
std::unique_ptr<Source> make_perf_source(const SourceSpec& spec, const CollectSettings& settings);
std::unique_ptr<Source> make_followed_source(const SourceSpec& spec, const CollectSettings& settings);
std::unique_ptr<Source> make_nic_source(const SourceSpec& spec, const CollectSettings& settings);
std::unique_ptr<Source> make_dpdk_source(const SourceSpec& spec, const CollectSettings& settings);
std::unique_ptr<Source> make_prometheus_source(const SourceSpec& spec, const CollectSettings& settings);

}  // namespace drst
