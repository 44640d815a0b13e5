#include "measure/dirt.h"

#include <algorithm>
#include <cstdio>

namespace drst {

namespace {

struct Kind {
  std::string_view name;
  std::string_view words;
};

constexpr std::array<Kind, dirt_kinds> kinds{
    {{"conflict_marker", "lines are marks of a Git conflict"},
     {"conflict_dropped", "lines of the other side of a conflict, left out"},
     {"wrapped_restored", "counters wrapped by rounding: 0"},
     {"wrapped_missing", "counters wrapped or impossible: missing"},
     {"ragged_row", "lines with too few or too many fields"},
     {"bad_cell", "cells without a number: missing"},
     {"crlf", "lines end in CR LF"},
     {"bom", "byte order marks"},
     {"empty_file", "files are empty"},
     {"missing_vnf", "VNFs without counters in a bundle"},
     {"missing_file", "rates or latencies that a bundle lacks"},
     {"unknown_vnf", "counters of VNFs that preprocess.vnfs does not name"},
     {"time_backwards", "times before the one above"},
     {"duplicate_event", "events twice in an interval: the first counts"},
     {"incomplete_block", "seconds of several lines that lack some: left out"},
     {"duplicate_experiment", "experiments with the counters of another"},
     {"unsafe_entry", "archive entries that lead outside or are links: not read"},
     {"too_large", "files beyond preprocess.max_file_mib: not read"},
     {"not_counted", "counters not scheduled in their interval: missing"},
     {"missing_event", "events that a VNF's file lacks"},
     {"not_supported", "counters that are not supported: missing"},
     {"probe_time_out", "latencies are the probe's time-out: missing"},
     {"no_final_newline", "files without a final newline"},
     {"ignored_file", "files of no kind that is read"}}};

}  // namespace

std::string_view to_text(Dirt kind) { return kinds[static_cast<std::size_t>(kind)].name; }

std::optional<Dirt> parse_dirt(std::string_view name) {
  for (std::size_t i = 0; i < dirt_kinds; ++i)
    if (kinds[i].name == name) return static_cast<Dirt>(i);
  return std::nullopt;
}

bool is_dirt(Dirt kind) { return kind < Dirt::not_counted; }

void FileDirt::add(Dirt kind, std::uint64_t line) {
  Lines& lines = kinds_[static_cast<std::size_t>(kind)];
  ++lines.count;
  if (line == 0) return;
  auto& ranges = lines.ranges;
  if (!ranges.empty() && (ranges.back().second == line || ranges.back().second + 1 == line)) {
    ranges.back().second = line;
  } else if (ranges.size() < most_ranges) {
    ranges.emplace_back(line, line);
  } else {
    lines.cut = true;
  }
}

bool FileDirt::any() const {
  return std::any_of(kinds_.begin(), kinds_.end(), [](const auto& lines) { return lines.count > 0; });
}

void DirtTotals::add(const FileDirt& file) {
  for (std::size_t i = 0; i < dirt_kinds; ++i) {
    const auto count = file.count(static_cast<Dirt>(i));
    counts[i] += count;
    files[i] += count > 0 ? 1U : 0U;
  }
}

void DirtTotals::add(const DirtTotals& other) {
  for (std::size_t i = 0; i < dirt_kinds; ++i) {
    counts[i] += other.counts[i];
    files[i] += other.files[i];
  }
}

std::uint64_t DirtTotals::dirt() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < dirt_kinds; ++i)
    if (is_dirt(static_cast<Dirt>(i))) sum += counts[i];
  return sum;
}

std::string to_table(const DirtTotals& totals) {
  std::string text;
  for (std::size_t i = 0; i < dirt_kinds; ++i) {
    if (totals.counts[i] == 0) continue;
    char line[160];
    std::snprintf(line, sizeof line, "%-20s %10llu in %6llu files  %s\n", kinds[i].name.data(),
                  static_cast<unsigned long long>(totals.counts[i]),
                  static_cast<unsigned long long>(totals.files[i]), kinds[i].words.data());
    text += line;
  }
  return text;
}

}  // namespace drst
