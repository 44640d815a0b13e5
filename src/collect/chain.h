// The chain file of `drst collect`: which sources make up a chain's row.
//
//   chain = "edge"                     # part of the run's name
//
//   [[source]]
//   type = "perf"                      # counters of a VNF's process, by perf_event_open
//   vnf = "firewall"
//   process = "firewall"               # or pid, pid_file, cgroup, cpus
//   events = ["instructions", "cycles"]
//
//   [[source]]
//   type = "nic"
//   interface = "eth0"
//   columns = ["rx_mbit"]
//   rename = { rx_mbit = "input_rate" }
//
// Keys by type (docs/collect.md): perf: vnf, events, process | pid | pid_file | cgroup | cpus. perf_stat:
// vnf, events, file | command. pcm, nf_out: name, columns, file | command. moongen: name, column, file |
// command. latency: unit, file | command. nic: interface, columns, ethtool. dpdk: socket, port, columns.
// prometheus: url, metrics. All: rename. Pure functions of the text; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace drst {

/// A metric of a Prometheus page: `name{label="value", ...}`, all given labels must match; the column's name.
struct MetricChoice {
  std::string metric;       ///< as in the file: "http_requests_total{code=\"200\"}"
  std::string column;       ///< "": the metric's text
  std::string as = "auto";  ///< auto (by its TYPE: a counter is a rate), rate (per second), value
};

struct SourceSpec {
  std::string where;  ///< "chain.toml:12", for errors
  std::string type;
  std::string name;  ///< before columns: "<name>_<column>"; "" where the type names them itself
  std::string vnf;
  std::string process, pid_file, cgroup, cpus;
  std::int64_t pid = 0;
  std::vector<std::string> events;
  std::string separator;             ///< of perf_stat; "": found out
  std::vector<std::string> command;  ///< started by us, its output is followed; started again when it ends
  std::string file;                  ///< a growing file or a FIFO
  std::string column = "auto";       ///< of moongen, as preprocess.rate_column
  std::string unit = "auto";         ///< of latency, as preprocess.latency_unit
  std::string interface;
  bool ethtool = false;  ///< its statistics as well (`ethtool -S`), named as the driver names them
  std::string socket = "/var/run/dpdk/rte/dpdk_telemetry.v2";
  std::int64_t port = 0;
  std::string url;
  std::vector<MetricChoice> metrics;
  std::vector<std::string> columns;           ///< wanted ones, before renaming; empty: all
  std::map<std::string, std::string> rename;  ///< column -> its name in the row
};

struct ChainFile {
  std::string chain = "chain";
  std::vector<SourceSpec> sources;
};

/// InputError with source:line for what cannot be: unknown types and keys (with the nearest known one), a key
/// that the type needs and lacks, two ways to name one process, no source at all.
ChainFile parse_chain(std::string_view toml, const std::string& source);
ChainFile read_chain(const std::filesystem::path& path);

}  // namespace drst
