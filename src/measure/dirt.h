// What is wrong with measured files, counted by file and line: nothing is mended or left out silently.
//
// Readers of this room note what they meet in a `FileDirt`, one a file. Lines are kept as ranges, so that a
// file with CRLF throughout costs a pair of numbers; of a kind that is scattered over a whole file, the first
// `most_ranges` ranges are kept and all are counted. Kinds are of two sorts: dirt, which `--strict` refuses,
// and what is usual in a measurement (a counter that was not scheduled, a probe's time-out), which is counted
// only. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drst {

enum class Dirt : std::uint8_t {
  conflict_marker,       ///< a line of Git's: <<<<<<<, |||||||, =======, >>>>>>>
  conflict_dropped,      ///< a line of the other side of a conflict, left out
  wrapped_restored,      ///< a wrapped difference whose value below zero was rounding: 0
  wrapped_missing,       ///< a wrapped or impossible counter: missing
  ragged_row,            ///< too few or too many fields
  bad_cell,              ///< text where a number belongs: missing
  crlf,                  ///< a line that ends in CR LF
  bom,                   ///< a byte order mark
  empty_file,            ///< nothing in it
  missing_vnf,           ///< a bundle has no counters of a VNF
  missing_file,          ///< a bundle has no rates of a side, or no latency
  unknown_vnf,           ///< counters of a VNF that preprocess.vnfs does not name
  time_backwards,        ///< a time before the one of the line above
  duplicate_event,       ///< an event twice in one interval: the first counts
  incomplete_block,      ///< a second of several lines that lacks some: left out
  duplicate_experiment,  ///< the same counters as another experiment
  unsafe_entry,          ///< an archive's entry that is a link or would lead outside: not read
  too_large,             ///< beyond preprocess.max_file_mib: not read
  // From here on: usual, no dirt.
  not_counted,       ///< a counter that was never scheduled in its interval: missing
  missing_event,     ///< a wanted event that a VNF's file does not list
  not_supported,     ///< a counter that the processor or kernel does not have: missing
  probe_time_out,    ///< a latency that is the probe's time-out: missing
  no_final_newline,  ///< the last line may be cut
  ignored_file       ///< of no kind that is read
};
inline constexpr std::size_t dirt_kinds = static_cast<std::size_t>(Dirt::ignored_file) + 1;

std::string_view to_text(Dirt kind);
std::optional<Dirt> parse_dirt(std::string_view name);
/// Refused by --strict.
bool is_dirt(Dirt kind);

class FileDirt {
 public:
  static constexpr std::size_t most_ranges = 1000;
  struct Lines {
    std::uint64_t count = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;  ///< first and last line, from 1, ascending
    bool cut = false;                                             ///< there are more ranges
  };

  /// `line` 0: of the file as a whole.
  void add(Dirt kind, std::uint64_t line = 0);
  [[nodiscard]] const Lines& of(Dirt kind) const { return kinds_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] std::uint64_t count(Dirt kind) const { return of(kind).count; }
  [[nodiscard]] bool any() const;

 private:
  std::array<Lines, dirt_kinds> kinds_;
};

/// How often each kind was met, and in how many files.
struct DirtTotals {
  std::array<std::uint64_t, dirt_kinds> counts{};
  std::array<std::uint64_t, dirt_kinds> files{};

  void add(const FileDirt& file);
  void add(const DirtTotals& other);
  [[nodiscard]] std::uint64_t count(Dirt kind) const { return counts[static_cast<std::size_t>(kind)]; }
  /// Of the kinds that --strict refuses.
  [[nodiscard]] std::uint64_t dirt() const;
};

/// A short table for a terminal, kinds that were met only; "" without any.
std::string to_table(const DirtTotals& totals);

}  // namespace drst
