#include "inference/seen.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"

namespace drst {

namespace {
constexpr int64_t word_bits = 64;

std::size_t whole_words(int64_t window) {
  return static_cast<std::size_t>((std::max<int64_t>(window, 1) + word_bits - 1) / word_bits);
}
}  // namespace

RowWindow::RowWindow(int64_t window)
    : window_(static_cast<int64_t>(whole_words(window)) * word_bits), bits_(whole_words(window)) {}

uint64_t& RowWindow::word(int64_t row) { return bits_[static_cast<std::size_t>(row % window_ / word_bits)]; }

bool RowWindow::add(int64_t row) {
  if (row >= next_) {
    if (row - next_ >= window_) {
      std::fill(bits_.begin(), bits_.end(), 0);
    } else {
      for (int64_t skipped = next_; skipped <= row; ++skipped)
        word(skipped) &=
            ~(uint64_t{1} << (skipped % word_bits));  // the bits of rows that fall out of the window
    }
    next_ = row + 1;
  } else if (next_ - row > window_) {
    return true;
  }
  uint64_t& bits = word(row);
  const uint64_t bit = uint64_t{1} << (row % word_bits);
  const bool added = (bits & bit) == 0;
  bits |= bit;
  return added;
}

HashWindow::HashWindow(int64_t window)
    : mask_(std::bit_ceil(static_cast<std::size_t>(std::max<int64_t>(window, 1)) * 2) - 1),
      table_(mask_ + 1, empty),
      order_(static_cast<std::size_t>(std::max<int64_t>(window, 1)), empty) {}

std::size_t HashWindow::find(uint64_t hash) const {
  auto slot = static_cast<std::size_t>(hash) & mask_;
  while (table_[slot] != empty && table_[slot] != hash) slot = (slot + 1) & mask_;
  return slot;
}

void HashWindow::erase(uint64_t hash) {
  // Backward-shift deletion (Knuth, TAOCP 6.4, algorithm R): no tombstones, so the table never silts up.
  std::size_t hole = find(hash);
  if (table_[hole] == empty) return;
  for (std::size_t next = (hole + 1) & mask_; table_[next] != empty; next = (next + 1) & mask_) {
    const auto home = static_cast<std::size_t>(table_[next]) & mask_;
    if (((next - home) & mask_) < ((next - hole) & mask_)) continue;
    table_[hole] = table_[next];
    hole = next;
  }
  table_[hole] = empty;
}

bool HashWindow::add(std::string_view id) {
  const uint64_t hash = std::max<uint64_t>(fnv1a(id), 1);
  const std::size_t slot = find(hash);
  if (table_[slot] == hash) return false;
  if (order_[at_] != empty) erase(order_[at_]);
  order_[at_] = hash;
  at_ = (at_ + 1) % order_.size();
  table_[find(hash)] = hash;
  return true;
}

bool SeenIds::add(std::string_view id, int64_t row) {
  if (id.empty()) return true;
  constexpr int64_t highest_row = int64_t{1}
                                  << 62;  // beyond, one past the window's end is no number any more
  if (row < 0 || row >= highest_row) {
    if (others_.empty()) others_.emplace_back(window_);
    return others_.front().add(id);
  }
  ++clock_;
  const auto run = id.substr(0, id.rfind('-'));
  auto found = std::find_if(runs_.begin(), runs_.end(), [&](const Run& known) { return known.name == run; });
  if (found == runs_.end()) {
    if (runs_.size() == most_runs)
      runs_.erase(std::min_element(runs_.begin(), runs_.end(),
                                   [](const Run& a, const Run& b) { return a.last_met < b.last_met; }));
    found = runs_.insert(runs_.end(), Run{std::string(run), RowWindow(window_), 0});
  }
  found->last_met = clock_;
  return found->rows.add(row);
}

}  // namespace drst
