#include "measure/settings.h"

namespace drst {

PerfOptions PreprocessSettings::perf_options() const {
  PerfOptions options;
  options.events = events;
  if (separator != "auto") options.separator = separator;
  options.hybrid = hybrid_pmus == "apart" ? HybridPmus::apart : HybridPmus::summed;
  options.conflict = conflict();
  options.impossible_count = impossible_count;
  return options;
}

RateOptions PreprocessSettings::rate_options() const { return {rate_column, conflict(), impossible_count}; }

LatencyOptions PreprocessSettings::latency_options() const {
  return {latency_unit, latency_threshold, latency_time_out, conflict(), impossible_count};
}

WideOptions PreprocessSettings::wide_options() const {
  return {conflict(), impossible_count, static_cast<std::size_t>(max_columns)};
}

void describe(SettingsVisitor& visitor, PreprocessSettings& s) {
  visitor.visit("vnfs", s.vnfs,
                {"", "of the chain: <vnf>.csv holds the counters of each, <vnf>-pcm.csv those of PCM"});
  visitor.visit("events", s.events,
                {"",
                 "of each VNF, as `perf list` spells them; columns are <vnf>_<event>, event by event. "
                 "Modifiers and PMUs of a file (cycles:u, cpu_core/cycles/) are found without being named"});
  visitor.visit("anchor", s.anchor,
                {"",
                 "the counter whose length is the experiment's; where a bundle lacks it, that of the input "
                 "rate, the output rate, the latency"});
  visitor.visit("rate_column", s.rate_column,
                {"",
                 "of tx_stats.csv and rx_stats.csv: Mbit, MbitWithFraming, PacketRate; auto: Mbit, else "
                 "PacketRate, else by position. The published stage2 table has MbitWithFraming"});
  visitor.visit("latency_unit", s.latency_unit,
                {"", "of latency.csv; tables have microseconds", -1, 1, {"auto", "ns", "us", "ms"}});
  visitor.visit(
      "latency_threshold", s.latency_threshold,
      {"1",
       "latency_unit auto: a file whose median is at least this, or that holds a time-out, has "
       "nanoseconds, else microseconds; a probe measures microseconds, so thousands are nanoseconds",
       0, 1e12});
  visitor.visit("latency_time_out", s.latency_time_out,
                {"the file's unit",
                 "a value of exactly this says that the probe gave up: missing. The published probes do "
                 "after 15 ms, in nanoseconds",
                 0, 1e15});
  visitor.visit(
      "latency_probes_per_row", s.latency_probes_per_row,
      {"probes",
       "a second's row takes the last of so many; 0: one, or, where a bundle of 20 rows or more has a "
       "multiple of its rows, that many. The published stage2 bundles were probed twice a second, and "
       "their table has each second probe",
       0, 1000});
  visitor.visit("separator", s.separator,
                {"", "of perf's text, as its option -x; auto: found out of each file"});
  visitor.visit("hybrid_pmus", s.hybrid_pmus,
                {"",
                 "an event that several PMUs count (cpu_core/cycles/, cpu_atom/cycles/): their sum, or "
                 "columns of their own",
                 -1,
                 1,
                 {"summed", "apart"}});
  visitor.visit("conflict_side", s.conflict_side,
                {"",
                 "which side of a Git conflict inside a file is kept: ours, the first, or theirs; the same "
                 "in all files, "
                 "so that those of a bundle fit together",
                 -1,
                 1,
                 {"ours", "theirs"}});
  visitor.visit("duplicates", s.duplicates,
                {"",
                 "an experiment with the very counters of an earlier one: kept in merged tables and "
                 "reported, or left out of them",
                 -1,
                 1,
                 {"keep", "drop"}});
  visitor.visit(
      "impossible_count", s.impossible_count,
      {"a second", "above, a number is no measurement (3.9e16 is a wrapped counter): missing", 1e9, 1.8e19});
  visitor.visit("threads", s.threads,
                {"threads", "experiments at once; 0: one a core. Results do not depend on it", 0, 1024});
  visitor.visit("max_columns", s.max_columns, {"columns", "of one source file at most", 1, 1e6});
  visitor.visit(
      "max_file_mib", s.max_file_mib,
      {"MiB", "largest file of a bundle that is read, unpacked; a day of perf text with 16 events is 120 MB",
       1, 65'536});
  visitor.visit("max_archive_mib", s.max_archive_mib,
                {"MiB", "an archive that holds more, unpacked, is refused", 1, 1e9});
  visitor.visit("max_entries", s.max_entries, {"files", "of an archive at most", 1, 1e9});
  visitor.visit("max_pending_mib", s.max_pending_mib,
                {"MiB",
                 "of an archive's files that wait in memory for others of their experiment; only archives "
                 "that mix experiments need more",
                 1, 1e6});
}

}  // namespace drst
