// Delay, missed changes and false alarms of the drift detector on real tables, cut and joined in many ways.
//
//   drift_real_bench [--data DIR] [--group NAME] [--details] [--set drift.key=value]...
//
// A stream is a list of pieces of tables; each joint is a change. A change is found by the first alarm in
// (change, change + 300]; none: missed. An alarm in no such range is false: given a 1000 rows outside those
// ranges. Groups named "choice ..." use stage0 and stage2 only, and are what the default settings were chosen
// on; "check ..." ones use dag-1 too and were not. Random-rates pieces are made from stage0: another of its
// traffic rates each 9 rows, as the raw random-rates experiments have it; against stage0 itself they are no
// change of any counter's distribution.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "base/settings.h"
#include "drift/scan.h"
#include "table/csv.h"

namespace drst {
namespace {

constexpr int64_t horizon = 300;

struct Stream {
  Table table;
  std::vector<int64_t> changes;
  std::shared_ptr<const DriftHistory> history;  // of the first piece's regime, as an offline table is

  void add(const Table& piece) {
    if (table.rows() > 0) changes.push_back(static_cast<int64_t>(table.rows()));
    table.append(piece);
  }
};

struct Score {
  std::size_t streams = 0, changes = 0, missed = 0, slow = 0, repeated = 0, false_alarms = 0;
  int64_t quiet_rows = 0;
  std::vector<int64_t> delays;
};

Table counters(const std::filesystem::path& path) {
  Table table = read_csv(path);
  for (const auto& kpi : ChainSchema{}.kpis)
    if (kpi != "input_rate" && table.find(kpi)) table.remove_column(kpi);
  return table;
}

Table without_rate(Table table) {
  if (table.find("input_rate")) table.remove_column("input_rate");
  return table;
}

/// Rows of stage0 in a new order: another rate each 9 rows.
Table random_rates(const Table& stage0, std::size_t rows, Random random) {
  std::map<int64_t, std::vector<std::size_t>> by_rate;  // in steps of 500 Mbit/s
  const auto rates = stage0.column("input_rate");
  for (std::size_t r = 0; r < stage0.rows(); ++r) by_rate[static_cast<int64_t>(rates[r] / 500)].push_back(r);
  std::vector<std::vector<std::size_t>> pools;
  for (auto& [rate, pool] : by_rate)
    if (pool.size() >= 60) pools.push_back(pool);
  Table out(stage0.names(), rows);
  for (std::size_t r = 0; r < rows;) {
    const auto& pool = pools[random.below(pools.size())];
    for (std::size_t i = 0; i < 9 && r < rows; ++i, ++r) {
      const std::size_t from = pool[random.below(pool.size())];
      for (std::size_t c = 0; c < out.columns(); ++c) out.column(c)[r] = stage0.at(from, c);
    }
  }
  return without_rate(std::move(out));
}

/// Columns of two VNFs exchanged (`rename` empty), or one VNF replaced by another name.
Table other_topology(const Table& table, const std::string& vnf, const std::string& other, bool exchange) {
  Table out({}, 0);
  for (std::size_t c = 0; c < table.columns(); ++c) {
    std::string name = table.names()[c];
    if (name.starts_with(vnf + "_"))
      name.replace(0, vnf.size(), other);
    else if (exchange && name.starts_with(other + "_"))
      name.replace(0, other.size(), vnf);
    const auto values = table.column(c);
    out.add_column(name, {values.begin(), values.end()});
  }
  return out;
}

void judge(const Stream& stream, const DriftSettings& settings, bool details, Score& score) {
  std::vector<SignalPoint> points;
  const auto alarms = scan(stream.table, ChainSchema{}.kpis, settings, 1, &points, stream.history);
  ++score.streams;
  std::vector<bool> found(stream.changes.size(), false);
  for (const auto& alarm : alarms) {
    bool inside = false;
    int64_t change = 0;
    for (std::size_t i = 0; i < stream.changes.size(); ++i) {
      const int64_t delay = alarm.row - stream.changes[i];
      const bool next_began = i + 1 < stream.changes.size() && alarm.row > stream.changes[i + 1];
      if (delay <= 0 || delay > horizon || next_began) continue;
      inside = true;
      change = stream.changes[i];
      if (found[i]) {
        ++score.repeated;
        continue;
      }
      found[i] = true;
      score.delays.push_back(delay);
      if (delay > 150) ++score.slow;
    }
    if (!inside) ++score.false_alarms;
    if (details)
      std::printf("    row %5lld  change ~%5lld  %-10s tier %s  %.3f >= %.3f  %s%lld\n",
                  static_cast<long long>(alarm.row), static_cast<long long>(alarm.change_row),
                  alarm.voice.c_str(), to_text(alarm.tier).c_str(), alarm.signal, alarm.threshold,
                  inside ? "delay " : "FALSE ", static_cast<long long>(inside ? alarm.row - change : 0));
  }
  score.changes += stream.changes.size();
  int64_t quiet = static_cast<int64_t>(stream.table.rows());
  for (std::size_t i = 0; i < stream.changes.size(); ++i) {
    if (!found[i]) ++score.missed;
    if (details && !found[i])
      std::printf("    MISSED change at %lld\n", static_cast<long long>(stream.changes[i]));
    const int64_t until =
        i + 1 < stream.changes.size() ? stream.changes[i + 1] : static_cast<int64_t>(stream.table.rows());
    quiet -= std::min(horizon, until - stream.changes[i]);
  }
  score.quiet_rows += quiet;
}

void print(const std::string& name, Score score) {
  std::sort(score.delays.begin(), score.delays.end());
  const auto at = [&](double q) {
    return score.delays.empty()
               ? 0
               : score.delays[static_cast<std::size_t>(q * static_cast<double>(score.delays.size() - 1))];
  };
  std::printf("| %-44s | %4zu | %4zu | %4lld | %4lld | %4lld | %4zu | %4zu | %4zu | %4zu | %6.2f |\n",
              name.c_str(), score.streams, score.changes, static_cast<long long>(at(0)),
              static_cast<long long>(at(0.5)), static_cast<long long>(at(1)), score.slow, score.missed,
              score.repeated, score.false_alarms,
              score.quiet_rows > 0
                  ? 1000.0 * static_cast<double>(score.false_alarms) / static_cast<double>(score.quiet_rows)
                  : 0.0);
}

using Maker = std::function<std::vector<Stream>()>;

Table part(const Table& table, std::size_t begin, std::size_t rows) {
  begin = std::min(begin, table.rows() > rows ? table.rows() - rows : 0);
  return table.slice(begin, std::min(table.rows(), begin + rows));
}

std::vector<std::pair<std::string, Maker>> groups(const std::filesystem::path& data) {
  const Table stage0_rates = counters(data / "perf" / "combined.csv");
  const Table stage0 = without_rate(stage0_rates);
  const Table stage2 = without_rate(counters(data / "perf" / "resource_stimulus_global_A-B-C_modified.csv"));
  const Table dag1 = without_rate(counters(data / "perf" / "dag-1_resource_stimulus_global_A-B-C.csv"));
  const auto pairs = [](const Table& from, const Table& to, std::size_t first, std::size_t second) {
    return [=] {
      std::vector<Stream> streams;
      for (std::size_t k = 0; k <= 1250; k += 125) {
        Stream stream;
        stream.add(part(from, k, first));
        stream.add(part(to, (k * 7) % 1200, second));
        streams.push_back(std::move(stream));
      }
      return streams;
    };
  };
  // A second change comes `gap` rows after the first: while the new baseline is being collected, or inside
  // it.
  const auto crowded = [](const Table& a, const Table& b, const Table& c) {
    return [=] {
      std::vector<Stream> streams;
      for (std::size_t gap = 150; gap <= 600; gap += 25) {
        Stream stream;
        stream.add(part(a, 100, 500));
        stream.add(part(b, 2 * gap, gap));
        stream.add(part(c, gap, 700));
        streams.push_back(std::move(stream));
      }
      return streams;
    };
  };
  const auto early = [](const Table& a, const Table& b) {
    return [=] {
      std::vector<Stream> streams;
      for (std::size_t gap = 75; gap <= 400; gap += 25) {
        Stream stream;
        stream.add(part(a, 100 + gap, gap));
        stream.add(part(b, gap, 800));
        streams.push_back(std::move(stream));
      }
      return streams;
    };
  };
  const auto one = [](std::vector<Table> pieces) {
    return [pieces = std::move(pieces)] {
      Stream stream;
      for (const auto& piece : pieces) stream.add(piece);
      return std::vector<Stream>{stream};
    };
  };
  const auto starts = [](const Table& table) {  // no change: the same table from many first rows
    return [=] {
      std::vector<Stream> streams;
      for (std::size_t k = 0; k + 1000 <= table.rows(); k += 100) {
        Stream stream;
        stream.add(table.slice(k, table.rows()));
        streams.push_back(std::move(stream));
      }
      return streams;
    };
  };
  const auto rates = [=](uint64_t seed) { return random_rates(stage0_rates, 1000, Random(seed)); };
  const auto with_rates = [=](const Table& table, bool rates_first) {
    return [=] {
      std::vector<Stream> streams;
      for (uint64_t seed = 1; seed <= 8; ++seed) {
        Stream stream;
        if (rates_first) stream.add(rates(seed));
        stream.add(part(table, 100 * seed, 1000));
        if (!rates_first) stream.add(rates(seed));
        streams.push_back(std::move(stream));
      }
      return streams;
    };
  };
  const Table swapped = other_topology(stage2, "firewall", "payload_scan", true);
  const Table replaced = other_topology(stage2, "ndpi_stats", "video_cache", false);
  const auto head = [](const Table& table) { return part(table, 0, 1000); };
  const Table tail0 = stage0.slice(stage0.rows() - 500, stage0.rows());
  const auto offline =
      std::make_shared<DriftHistory>(history_of(stage0.slice(0, stage0.rows() - 500), ChainSchema{}.kpis));
  const auto with_offline = [&](std::vector<Table> pieces) {
    return [offline, pieces = std::move(pieces)] {
      Stream stream;
      for (const auto& piece : pieces) stream.add(piece);
      stream.history = offline;
      return std::vector<Stream>{stream};
    };
  };
  return {
      {"choice stage0 unchanged", starts(stage0)},
      {"choice stage2 unchanged", starts(stage2)},
      {"choice stage0 -> stage2", pairs(stage0, stage2, 500, 1000)},
      {"choice stage2 -> stage0", pairs(stage2, stage0, 500, 1000)},
      {"choice stage0 -> random rates (made)", with_rates(stage0, false)},
      {"choice random rates (made) -> stage2", with_rates(stage2, true)},
      {"choice stage2 -> random rates (made)", with_rates(stage2, false)},
      {"choice stage2 -> two VNFs exchanged", pairs(stage2, swapped, 700, 700)},
      {"choice stage2 -> one VNF replaced", pairs(stage2, replaced, 700, 700)},
      {"choice crowded stage0, stage2, stage0", crowded(stage0, stage2, stage0)},
      {"choice crowded stage2, stage0, stage2", crowded(stage2, stage0, stage2)},
      {"choice early stage0 -> stage2", early(stage0, stage2)},
      {"choice early stage2 -> stage0", early(stage2, stage0)},
      {"check the stream stage0, stage2, dag-1", one({tail0, head(stage2), head(dag1)})},
      {"check dag-1 unchanged", starts(dag1)},
      {"check the stream, offline table known", with_offline({tail0, head(stage2), head(dag1)})},
      {"choice the stream's first two, offline table known", with_offline({tail0, head(stage2)})},
      {"check stage2 -> dag-1", pairs(stage2, dag1, 1000, 1000)},
      {"check dag-1 -> stage2", pairs(dag1, stage2, 1000, 1000)},
      {"check stage0 -> dag-1", pairs(stage0, dag1, 500, 1000)},
      {"check dag-1 -> stage0", pairs(dag1, stage0, 1000, 1000)},
      {"check random rates (made) -> dag-1", with_rates(dag1, true)},
      {"check crowded stage0, stage2, dag-1", crowded(stage0, stage2, dag1)},
      {"check crowded stage2, dag-1, stage0", crowded(stage2, dag1, stage0)},
      {"check early stage2 -> dag-1", early(stage2, dag1)},
      {"check whole stage0, stage2, dag-1", one({stage0, stage2, dag1})},
      {"check whole stage0, dag-1, stage2", one({stage0, dag1, stage2})},
      {"check whole stage2, stage0, dag-1", one({stage2, stage0, dag1})},
      {"check whole stage2, dag-1, stage0", one({stage2, dag1, stage0})},
      {"check whole dag-1, stage0, stage2", one({dag1, stage0, stage2})},
      {"check whole dag-1, stage2, stage0", one({dag1, stage2, stage0})},
  };
}

int run(int argc, char** argv) {
  const char* environment = std::getenv("DRST_DATA");
  std::filesystem::path data = environment == nullptr ? "" : environment;
  DriftSettings settings;
  Settings all;
  all.add("drift", settings);
  std::string only;
  bool details = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--details") {
      details = true;
    } else if (i + 1 < argc && argument == "--data") {
      data = argv[++i];
    } else if (i + 1 < argc && argument == "--group") {
      only = argv[++i];
    } else if (i + 1 < argc && argument == "--set") {
      all.set(argv[++i]);
    } else {
      throw InputError("unknown argument " + argument + "; see the head of bench/drift_real_bench.cpp");
    }
  }
  std::printf("| %-44s | runs | chgs | min  | med  | max  | >150 | miss | rept | fals | a 1000 |\n",
              "delay in rows by group");
  std::printf("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
  for (const auto& [name, make] : groups(data)) {
    if (name.find(only) == std::string::npos) continue;
    Score score;
    for (const auto& stream : make()) {
      if (details) std::printf("  %s, %zu rows\n", name.c_str(), stream.table.rows());
      judge(stream, settings, details, score);
    }
    print(name, score);
  }
  return 0;
}

}  // namespace
}  // namespace drst

int main(int argc, char** argv) {
  try {
    return drst::run(argc, argv);
  } catch (const drst::Error& error) {
    std::fprintf(stderr, "drift_real_bench: %s\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}
