#include "drift/detector_state.h"

#include <algorithm>

#include "drift/state_bytes.h"

namespace drst {

namespace {

constexpr std::string_view magic = "drst-drift-2\n";

/// What the meaning of the state depends on: another value, and it is another detector's.
std::vector<double> fingerprint(const DriftSettings& s) {
  std::vector<double> values = {static_cast<double>(s.window), static_cast<double>(s.stride),
                                static_cast<double>(s.bins), static_cast<double>(s.max_columns)};
  for (const int64_t recent : s.recent) values.push_back(static_cast<double>(recent));
  return values;
}

}  // namespace

std::string DriftDetector::save() const {
  const State& s = *state_;
  StateWriter out(magic);
  out.numbers(fingerprint(s.settings));
  out.number(s.seed);
  out.number(s.pushed);
  out.number(s.regime);
  out.number(s.baseline_of);
  out.number<uint8_t>(s.alarmed ? 1 : 0);
  out.number(s.change);
  out.number(s.calibrations);

  out.texts(s.rows.columns());
  std::vector<std::size_t> all;
  for (std::size_t c = 0; c < s.rows.columns().size(); ++c) all.push_back(c);
  std::vector<int64_t> numbers;
  for (std::size_t r = 0; r < s.rows.size(); ++r) numbers.push_back(s.rows.row(r));
  out.numbers(numbers);
  out.numbers(s.rows.matrix(0, s.rows.size(), all));

  out.number<uint8_t>(s.baseline ? 1 : 0);
  if (s.baseline) {
    const std::vector<uint64_t> columns(s.baseline->columns.begin(), s.baseline->columns.end());
    out.numbers(columns);
    out.numbers(s.baseline->values);
    for (const auto& values : {s.baseline->thresholds, s.baseline->errors})
      for (const auto& tiers : values)
        for (const double value : tiers) out.number(value);
    out.text(s.baseline->calibrated_on);
  }
  return out.take();
}

void DriftDetector::restore(const std::string& bytes) {
  StateReader in(bytes, magic, "the drift detector's saved state");
  const State& now = *state_;
  if (in.numbers<double>() != fingerprint(now.settings))
    in.refuse("was made with other drift settings; use those, or remove it to start anew");
  auto restored = std::make_unique<State>(now.settings, in.number<uint64_t>());
  restored->history = now.history;
  State& s = *restored;
  s.pushed = in.number<int64_t>();
  s.regime = in.number<int64_t>();
  s.baseline_of = in.number<int64_t>();
  s.alarmed = in.flag();
  s.change = in.number<int64_t>();
  s.calibrations = in.number<uint64_t>();

  const std::vector<std::string> names = in.texts();
  const auto numbers = in.numbers<int64_t>();
  const auto values = in.numbers<double>();
  const auto kept =
      static_cast<std::size_t>(std::clamp<int64_t>(s.pushed, 0, static_cast<int64_t>(s.rows.capacity())));
  if (s.pushed > int64_t{1} << 60 || names.size() > static_cast<std::size_t>(s.settings.max_columns) ||
      values.size() != numbers.size() * names.size() || numbers.size() != kept)
    in.refuse("contradicts itself");
  const auto oldest = s.pushed - static_cast<int64_t>(numbers.size());
  if (s.regime < 0 || s.regime > s.pushed || s.change < 0 || s.change > s.pushed)
    in.refuse("contradicts itself");
  s.rows.set_columns(names);
  for (std::size_t r = 0; r < numbers.size(); ++r)
    s.rows.push(numbers[r], names, std::span<const double>(values).subspan(r * names.size(), names.size()));

  if (in.flag()) {
    const auto columns = in.numbers<uint64_t>();
    auto baseline = in.numbers<double>();
    for (const uint64_t c : columns)
      if (c >= names.size()) in.refuse("contradicts itself");
    if (columns.empty() || baseline.size() != columns.size() * static_cast<std::size_t>(s.settings.window))
      in.refuse("contradicts itself");
    s.baseline = s.make_baseline({columns.begin(), columns.end()}, std::move(baseline));
    for (auto* which : {&s.baseline->thresholds, &s.baseline->errors}) {
      which->resize(s.baseline->js.voices());
      for (auto& tiers : *which)
        for (double& value : tiers) value = in.number<double>();
    }
    s.baseline->calibrated_on = in.text();
    s.look_at_columns();
    // The windows are the last records since the baseline began, whatever came before them.
    if (s.baseline_of < 0 || s.baseline_of > s.pushed) in.refuse("contradicts itself");
    const auto seen = static_cast<std::size_t>(s.pushed - s.baseline_of);
    const std::size_t last = std::min({numbers.size(), s.baseline->js.longest(), seen});
    s.baseline->js.clear_window();
    for (std::size_t r = numbers.size() - last; r < numbers.size(); ++r)
      s.baseline->js.push(s.rows.matrix(r, r + 1, s.baseline->columns));
  }
  if (!s.alarmed && !s.settled() && s.regime < oldest) in.refuse("contradicts itself");
  in.end();
  state_ = std::move(restored);
}

}  // namespace drst
