// What a report says before its figures.
#include "base/text.h"
#include "report/summary.h"

namespace drst {

std::string rows_in_words(const std::vector<int64_t>& rows) {
  constexpr std::size_t most_ranges = 5;
  std::string words;
  std::size_t ranges = 0, at = 0;
  while (at < rows.size() && ranges < most_ranges) {
    std::size_t end = at + 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + 1) ++end;
    words += (ranges++ == 0 ? "" : ", ") + to_text(rows[at]);
    if (end - at > 1) words += " to " + to_text(rows[end - 1]);
    at = end;
  }
  if (at < rows.size()) words += ", and " + to_text(rows.size() - at) + " more";
  return words;
}

std::string place_id(int64_t partition, int64_t offset) {
  return "@" + to_text(partition) + "/" + to_text(offset);
}

std::vector<std::string> notes_of(const Summary& summary) {
  std::vector<std::string> notes;
  if (summary.facts.foreign)
    notes.push_back(
        "run " + summary.facts.run_id +
        " was not made by `drst produce`, so there is no truth but the labels on the log, which " +
        to_text(summary.labels_used) + " of " + to_text(summary.produced) +
        " records have, and only they are scored; its settings are not known; a record without an "
        "id is named by its place, @partition/offset, and rows are numbered by send_ts");
  if (summary.lost > 0)
    notes.push_back(to_text(summary.lost) + " records of run " + summary.facts.run_id +
                    " have neither a prediction nor a dead letter: rows " + rows_in_words(summary.lost_rows));
  if (!summary.gone_releases.empty())
    notes.push_back(to_text(summary.gone_releases.size()) +
                    " releases are not in the store any more (`drst models prune`), so "
                    "tables and refits lack them: " +
                    join_first(summary.gone_releases));
  return notes;
}

std::vector<std::string> all_notes(const Summary& summary) {
  std::vector<std::string> all = summary.notes;
  for (const auto& other : summary.further)
    for (const auto& note : other.notes) all.push_back(other.target + ": " + note);
  return all;
}

}  // namespace drst
