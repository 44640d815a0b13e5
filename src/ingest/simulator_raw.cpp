#include "ingest/simulator_raw.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "base/stop.h"
#include "base/text.h"
#include "table/csv.h"

namespace drst {

namespace {

namespace fs = std::filesystem;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kpis = 3;
constexpr double seconds_a_row = 1.000447;  // perf's intervals are a little longer than asked for
constexpr int64_t first_second = 1'677'157'920;

/// One file's lines, and what may happen to any text file.
struct File {
  std::string name;
  std::vector<std::string> lines;
};

/// Makes and spoils the files of one bundle.
class BundleWriter {
 public:
  BundleWriter(const RawSpec& spec, const std::vector<std::string>& columns,
               const std::vector<std::string>& vnfs, Random random, RawBundle& bundle)
      : spec_(spec), columns_(columns), vnfs_(vnfs), random_(random), bundle_(bundle) {}

  void write() {
    bool first = true;
    bool anchor = true;
    for (std::size_t v = 0; v < vnfs_.size(); ++v) {
      const bool there = counters(v);
      anchor = first ? there : anchor;
      first = false;
    }
    // Without the anchor's counters the input rate tells how long the experiment was.
    rates(0, "tx_stats.csv", "TX", anchor);
    rates(1, "rx_stats.csv", "RX", true);
    latency();
  }

 private:
  bool chance(double factor = 1) { return random_.uniform() < spec_.dirt * factor; }
  void spoil(const std::string& file, const char* kind, std::size_t row, std::size_t column) {
    bundle_.left[row][column] = nan;
    bundle_.dirt.push_back({file, kind, 1, static_cast<int64_t>(row), columns_[column]});
  }
  std::size_t any_row(std::size_t from = 0) {
    return from + static_cast<std::size_t>(random_.below(bundle_.clean.size() - from));
  }

  /// False: the VNF has none.
  bool counters(std::size_t v) {
    const std::string name = vnfs_[v] + ".csv";
    const auto& events = spec_.simulation.settings.chain.events;
    const auto column = [&](std::size_t event) { return kpis + event * vnfs_.size() + v; };
    const bool missing = chance(0.1);
    const bool empty = !missing && chance(0.1);
    if (missing || empty) {
      for (auto& row : bundle_.left)
        for (std::size_t e = 0; e < events.size(); ++e) row[column(e)] = nan;
      bundle_.dirt.push_back({name, missing ? "missing_vnf" : "empty_file"});
      if (empty) bundle_.files[name] = "";
      return false;
    }
    const std::size_t rows = bundle_.clean.size();
    const std::size_t back = rows > 2 && chance() ? any_row(2) : 0;
    if (back > 0) bundle_.dirt.push_back({name, "time_backwards"});
    const bool wraps = chance();
    const std::size_t wrapped_row = any_row();
    const std::size_t wrapped_event = static_cast<std::size_t>(random_.below(events.size()));
    const bool cuts = events.size() > 1 && chance();
    const std::size_t cut_row = any_row();
    // The first event of the anchor tells the length.
    const std::size_t cut_event =
        events.size() > 1 ? 1 + static_cast<std::size_t>(random_.below(events.size() - 1)) : 0;
    File file{name, {"# started on Thu Feb 23 14:12:00 2023", ""}};
    for (std::size_t row = 0; row < rows; ++row) {
      const double end = seconds_a_row * (static_cast<double>(row) + 1) * (back > 0 && row == back ? 0.5 : 1);
      const std::string time = "     " + to_fixed(end, 9) + ",";
      for (std::size_t e = 0; e < events.size(); ++e) {
        const double count = bundle_.clean[row][column(e)];
        std::string& line = file.lines.emplace_back(time);
        if (cuts && row == cut_row && e == cut_event) {
          line += to_fixed(std::isnan(count) ? 1 : count, 0);
          spoil(name, "ragged_row", row, column(e));
        } else if (std::isnan(count)) {
          line.append("<not counted>,,").append(events[e]).append(",0.00%,0,0.00,,");
          bundle_.dirt.push_back({name, "not_counted"});
        } else {
          if (wraps && row == wrapped_row && e == wrapped_event) {
            line += to_text(~uint64_t{0} - random_.below(1'000'000));
            spoil(name, "wrapped_missing", row, column(e));
          } else {
            line += to_fixed(count, 0);
          }
          line.append(",,").append(events[e]).append(",0.00%,").append(
              to_text(random_.below(900'000'000) + 100));
          line.append(",").append(to_fixed(random_.uniform(10, 22), 2)).append(",,");
        }
      }
    }
    finish(std::move(file), 2);
    return true;
  }

  void rates(std::size_t kpi, const std::string& name, const std::string& direction, bool may_miss) {
    if (may_miss && chance(0.1)) {
      bundle_.dirt.push_back({name, "missing_file"});
      for (auto& row : bundle_.left) row[kpi] = nan;
      return;
    }
    const bool cuts = chance();
    const bool bad = chance();
    const bool wraps = chance();
    const std::size_t rows[] = {any_row(), any_row(), any_row()};
    File file{name, {"Time,Device,Direction,PacketRate,Mbit,MbitWithFraming,TotalPackets,TotalBytes"}};
    for (std::size_t row = 0; row < bundle_.clean.size(); ++row) {
      const double rate = bundle_.clean[row][kpi];
      const std::string head =
          to_text(first_second + static_cast<int64_t>(row)) + ",Device: id=" + to_text(kpi) + "," + direction;
      std::string cell = to_text(rate);
      if (cuts && row == rows[0]) {
        file.lines.push_back(head);
        spoil(name, "ragged_row", row, kpi);
        continue;
      }
      if ((bad && row == rows[1]) || std::isnan(rate)) {
        cell = "n/a";
        spoil(name, "bad_cell", row, kpi);
      } else if (wraps && row == rows[2]) {
        cell = "3.9e16";
        spoil(name, "wrapped_missing", row, kpi);
      }
      std::string& line = file.lines.emplace_back(head);
      line.append(",").append(to_text(rate / 448 / 8)).append(",").append(cell);
      line.append(",").append(to_text(rate * 1.3)).append(",0,0");
    }
    finish(std::move(file), 1);
  }

  void latency() {
    const std::string name = "latency.csv";
    const auto measured = [](const std::vector<double>& row) { return !std::isnan(row[2]); };
    if (std::none_of(bundle_.clean.begin(), bundle_.clean.end(), measured) || chance(0.1)) {
      bundle_.dirt.push_back({name, "missing_file"});
      for (auto& row : bundle_.left) row[2] = nan;
      return;
    }
    const double time_out = spec_.simulation.settings.latency_timeout_us;
    const bool bad = chance();
    const std::size_t bad_row = any_row();
    const bool indexed = random_.below(2) == 0;
    File file{name, {}};
    for (std::size_t row = 0; row < bundle_.clean.size(); ++row) {
      const double value = bundle_.clean[row][2];
      std::string cell = to_fixed(value * 1000, 0);
      if (std::isnan(value) || value == time_out) {
        cell = "15000000";
        spoil(name, "probe_time_out", row, 2);
      } else if (bad && row == bad_row && row > 0) {
        cell = "?";
        spoil(name, "bad_cell", row, 2);
      }
      file.lines.push_back(indexed ? to_text(row + 1) + " " + cell : cell);
    }
    finish(std::move(file), 0);
  }

  /// A conflict, line ends, a byte order mark; the first `head` lines stay before a conflict.
  void finish(File file, std::size_t head) {
    if (chance()) {
      const std::size_t others = std::min<std::size_t>(file.lines.size() - head, 1 + random_.below(5));
      std::vector<std::string> lines(file.lines.begin(),
                                     file.lines.begin() + static_cast<std::ptrdiff_t>(head));
      lines.emplace_back("<<<<<<< HEAD");
      lines.insert(lines.end(), file.lines.begin() + static_cast<std::ptrdiff_t>(head), file.lines.end());
      lines.emplace_back("=======");
      for (std::size_t i = 0; i < others; ++i) lines.push_back(file.lines[head + i]);
      lines.emplace_back(">>>>>>> other");
      file.lines = std::move(lines);
      bundle_.dirt.push_back({file.name, "conflict_marker", 3});
      bundle_.dirt.push_back({file.name, "conflict_dropped", static_cast<int64_t>(others)});
    }
    const bool crlf = chance();
    if (crlf) bundle_.dirt.push_back({file.name, "crlf", static_cast<int64_t>(file.lines.size())});
    std::string text;
    if (chance()) {
      bundle_.dirt.push_back({file.name, "bom"});
      text = "\xEF\xBB\xBF";
    }
    for (const auto& line : file.lines) text += line + (crlf ? "\r\n" : "\n");
    bundle_.files[file.name] = std::move(text);
  }

  const RawSpec& spec_;
  const std::vector<std::string>& columns_;
  const std::vector<std::string>& vnfs_;
  Random random_;
  RawBundle& bundle_;
};

SimulationSpec checked(const RawSpec& spec) {
  if (spec.simulation.rows <= 0)
    throw InputError("an endless simulation makes no bundles; give a number of rows");
  if (spec.simulation.settings.chain.kpis.size() != kpis)
    throw InputError("simulator.kpis must be three for raw bundles: input rate, output rate, latency");
  if (!(spec.dirt >= 0 && spec.dirt <= 1)) throw InputError("dirt is a chance: 0 to 1");
  return spec.simulation;
}

}  // namespace

RawSimulator::RawSimulator(const RawSpec& spec)
    : spec_(spec), simulator_(checked(spec)), random_(Random(spec.simulation.seed).fork(0x726177)) {}

bool RawSimulator::next(RawBundle& bundle) {
  bundle = {};
  if (!has_ahead_ && !simulator_.next(ahead_)) return false;
  do {
    has_ahead_ = false;
    auto& row = bundle.clean.emplace_back(ahead_.values);
    row[2] = std::round(row[2] * 1000) / 1000;
    if (!simulator_.next(ahead_)) break;
    has_ahead_ = true;
  } while (ahead_.row_in_experiment != 0);
  bundle.left = bundle.clean;
  BundleWriter(spec_, simulator_.columns(), simulator_.vnfs(), random_.fork(random_()), bundle).write();
  return true;
}

int64_t simulate_raw_folder(const fs::path& folder, const RawSpec& spec) {
  if (fs::exists(folder) && !(fs::is_directory(folder) && fs::is_empty(folder)))
    throw InputError("--out " + folder.string() + " is there already and not empty; choose another folder");
  RawSimulator simulator(spec);
  const fs::path whole = fs::absolute(folder).lexically_normal();
  const fs::path named = whole.has_filename() ? whole : whole.parent_path();
  const fs::path aside = named.parent_path() / (std::string(temporary_prefix) + named.filename().string());
  fs::remove_all(aside);
  int64_t rows = 0;
  try {
    std::string table;
    std::string dirt = "experiment,file,kind,count,row,column\n";
    append_csv_header(table, simulator.columns(), true);
    RawBundle bundle;
    for (int64_t number = 1; simulator.next(bundle); ++number) {
      throw_if_stopped();
      const std::string experiment = "exp-" + to_text(number);
      const fs::path path = aside / to_string(spec.simulation.scenario) / experiment;
      make_folders(path);
      for (const auto& [name, text] : bundle.files) write_file_atomic(path / name, text, Sync::no);
      for (std::size_t row = 0; row < bundle.clean.size(); ++row)
        append_csv_row(table, bundle.clean[row], row);
      for (const auto& entry : bundle.dirt)
        dirt += experiment + "," + entry.file + "," + entry.kind + "," + to_text(entry.count) + "," +
                (entry.row < 0 ? "" : to_text(entry.row)) + "," + entry.column + "\n";
      rows += static_cast<int64_t>(bundle.clean.size());
    }
    write_file_atomic(aside / "simulated.csv", table, Sync::no);
    write_file_atomic(aside / "simulated-dirt.csv", dirt, Sync::no);
    if (fs::exists(named)) fs::remove(named);
    fs::rename(aside, named);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(aside, ignored);
    throw;
  }
  sync_folder(named.parent_path());
  return rows;
}

}  // namespace drst
