// The first picture of a report: what was true, what was predicted, what happened, and what the monitor saw.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/text.h"
#include "report/gnuplot.h"
#include "report/plot_scripts.h"

namespace drst::plots {

namespace {

constexpr std::size_t accuracy_window = 100;
/// More rows than the picture has pixels only make it slow to show.
constexpr std::size_t most_points = 3000;

/// Share of rows within 20 % over the last `window` rows.
std::vector<double> rolling_accuracy(const std::vector<double>& prediction, const std::vector<double>& truth,
                                     double epsilon, std::size_t window) {
  std::vector<double> out;
  std::size_t hits = 0;
  const auto hit = [&](std::size_t i) {
    return std::abs(prediction[i] - truth[i]) / std::max(std::abs(truth[i]), epsilon) <= 0.2;
  };
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (hit(i)) ++hits;
    if (i >= window && hit(i - window)) --hits;
    out.push_back(static_cast<double>(hits) / static_cast<double>(std::min(i + 1, window)));
  }
  return out;
}

std::string rows_block(const Summary& summary, const Series& series) {
  const auto base = rolling_accuracy(series.baseline, series.truth, summary.facts.epsilon, accuracy_window);
  const auto adaptive =
      rolling_accuracy(series.adaptive, series.truth, summary.facts.epsilon, accuracy_window);
  const std::size_t stride = (series.row.size() + most_points - 1) / most_points;
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < series.row.size(); i += stride)
    lines.push_back(to_text(series.row[i]) + " " + number(series.truth[i]) + " " +
                    number(series.baseline[i]) + " " + number(series.adaptive[i]) + " " + number(base[i]) +
                    " " + number(adaptive[i]));
  return block("rows", lines);
}

/// Rows at which a model was swapped in, one for the consumers that took it within a moment.
std::vector<int64_t> swap_rows(const Summary& summary) {
  std::vector<int64_t> rows;
  for (const auto& swap : summary.swaps)
    if (swap.row > 0) rows.push_back(swap.row);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end(), [](auto a, auto b) { return b - a < 3; }), rows.end());
  return rows;
}

struct Lane {
  std::string name;
  std::vector<std::pair<std::string, std::vector<int64_t>>> marks;  // block name, rows
};

/// From the lowest up; a lane without marks is left out.
std::vector<Lane> lanes(const Summary& summary) {
  const auto rows = [&](const char* kind, bool published) {
    std::vector<int64_t> of;
    for (const auto& event : summary.retrains)
      if (event.kind == kind && event.published == published) of.push_back(event.row);
    return of;
  };
  std::vector<int64_t> drift;
  for (const auto& event : summary.drift_events) drift.push_back(event.row);
  std::vector<Lane> all = {
      {"swap", {{"swap", swap_rows(summary)}}},
      {"rollback", {{"rollback", rows("rollback", false)}}},
      {"refit", {{"refit", rows("refit", true)}}},
      {"retrain", {{"published", rows("answer", true)}, {"refused", rows("answer", false)}}},
      {"drift", {{"drift", std::move(drift)}}}};
  std::erase_if(all, [](const Lane& lane) {
    return std::all_of(lane.marks.begin(), lane.marks.end(),
                       [](const auto& marks) { return marks.second.empty(); });
  });
  return all;
}

std::string lanes_panel(const Summary& summary) {
  const auto shown = lanes(summary);
  std::string blocks, tics, plots;
  const auto add = [&](const std::string& name, const std::string& style) {
    plots += (plots.empty() ? "plot $" : ", $") + name + " using 1:2" + style;
  };
  const auto ticks = [](const char* colour, std::size_t many) {
    return ":(0):(0.6) with vectors nohead lw " + std::string(many > 50 ? "1" : "2.5") + " lc rgb '" +
           colour + "' notitle";
  };
  const auto points = [](int type, double size, const char* colour, const std::string& title) {
    return " with points pt " + to_text(type) + " ps " + number(size) + " lw 1.5 lc rgb '" + colour + "' " +
           (title.empty() ? "notitle" : "title " + gnuplot_quote(title));
  };
  for (std::size_t lane = 0; lane < shown.size(); ++lane) {
    tics += (lane == 0 ? "" : ", ") + gnuplot_quote(shown[lane].name) + " " + to_text(lane);
    for (const auto& [name, rows] : shown[lane].marks) {
      const bool tick = name == "swap" || name == "refit";
      std::vector<std::string> lines;
      for (const auto row : rows)
        lines.push_back(to_text(row) + " " + number(static_cast<double>(lane) - (tick ? 0.3 : 0)));
      blocks += block(name, lines);
      if (rows.empty()) continue;
      if (name == "swap") add(name, ticks(colour_good, rows.size()));
      if (name == "refit") add(name, ticks(colour_adaptive, rows.size()));
      if (name == "rollback") add(name, points(11, 1.3, colour_back, ""));
      if (name == "published") add(name, points(9, 1.3, colour_good, ""));
      if (name == "refused") add(name, points(2, 1.1, "#000000", ""));
      if (name == "drift") add(name, points(13, 1.4, colour_drift, ""));
    }
  }
  plots += (plots.empty() ? "plot -9" : ", NaN") + points(9, 1.3, colour_good, "retrain published") +
           ", NaN" + points(2, 1.1, "#000000", "retrain refused");
  return blocks + "set ytics (" + (tics.empty() ? "'' 0" : tics) + ") scale 0\nset yrange [-0.6:" +
         number(static_cast<double>(std::max<std::size_t>(shown.size(), 1)) - 0.4) +
         "]\nunset ylabel\nunset grid\n"
         "set key at graph 1.0,1.12 right top horizontal Left reverse samplen 1 font ',9'\n" +
         plots + "\nset ytics auto scale 1\nset grid ytics lc rgb '#dddddd'\n";
}

std::string signal_panel(const DriftSignal& signal) {
  // A panel of undefined values only would end the whole picture.
  if (signal.row.empty()) return "set yrange [0:1]\nplot -1 notitle\n";
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < signal.row.size(); ++i) {
    lines.push_back(number(signal.row[i]) + " " + number(signal.signal[i]) + " " +
                    number(signal.threshold_a[i]) + " " + number(signal.threshold_b[i]) + " " +
                    number(signal.threshold_c[i]));
    for (const auto& recent : signal.recent)
      lines.back() += " " + number(recent.signal[i]) + " " + number(recent.threshold_a[i]);
  }
  std::string labels, plots;
  const auto threshold = [&](const std::string& name, std::size_t column, double value, const char* colour) {
    if (std::isfinite(value))
      labels += "set label '" + name + "' at graph 1.003, first " + number(value) + " left font ',9'\n";
    plots += (plots.empty() ? "plot " : ", ") + std::string("$signal using 1:") + to_text(column) +
             " with steps lw 1.5 lc rgb '" + colour + "' notitle";
  };
  threshold("A", 3, signal.threshold_a.back(), "#f2c9a0");
  threshold("B", 4, signal.threshold_b.back(), "#e08a4a");
  threshold("C", 5, signal.threshold_c.back(), "#a8501a");
  constexpr const char* colours[] = {"#56B4E9", "#009E73", "#CC79A7"};
  for (std::size_t i = 0; i < signal.recent.size(); ++i) {
    const std::string colour = std::string("lc rgb '") + colours[i % std::size(colours)] + "'";
    const std::string title =
        gnuplot_quote("last " + to_text(signal.recent[i].records) + " rows (dashes: their A)");
    plots.append(", $signal using 1:")
        .append(to_text(6 + 2 * i))
        .append(" with lines lw 1.4 ")
        .append(colour);
    plots.append(" title ").append(title);
    plots.append(", $signal using 1:")
        .append(to_text(7 + 2 * i))
        .append(" with steps lw 1 dt '-' ")
        .append(colour);
    plots.append(" notitle");
  }
  return block("signal", lines) + labels + plots +
         ", $signal using 1:2 with lines lc rgb '#000000' lw 1.6 title 'whole window'\n";
}

std::string margins(double bottom, double top) {
  return "set bmargin at screen " + number(bottom) + "\nset tmargin at screen " + number(top) + "\n";
}

}  // namespace

std::string timeline(const Summary& summary, const Series& series, const DriftSignal& signal) {
  if (series.row.empty()) return {};
  double top = 0;
  for (const double truth : series.truth) top = std::max(top, std::isfinite(truth) ? truth : 0.0);
  std::string script = rows_block(summary, series);
  script += "set multiplot\nset lmargin at screen 0.075\nset rmargin at screen 0.985\nset xrange [0:" +
            to_text(series.row.back() + 1) +
            "]\nset grid ytics lc rgb '#dddddd'\nset border 3\nset tics nomirror out\nset format x ''\n" +
            stage_marks(summary, true) + drift_marks(summary);
  script +=
      margins(0.58, 0.93) +
      "set key at screen 0.985,0.995 right top horizontal Left reverse samplen 2\nset ylabel " +
      gnuplot_quote(summary.target) + "\nset yrange [0:" + number(top > 0 ? top * 1.1 : 1) +
      "]\nplot $rows using 1:2 with lines lc rgb '" + colour_truth +
      "' lw 1 title 'truth', $rows using 1:3 with points pt 7 ps 0.3 lc rgb '" + colour_baseline +
      "' notitle, $rows using 1:4 with points pt 7 ps 0.3 lc rgb '" + colour_adaptive +
      "' notitle, NaN with points pt 7 ps 0.9 lc rgb '" + colour_baseline +
      "' title 'baseline (frozen)', NaN with points pt 7 ps 0.9 lc rgb '" + colour_adaptive +
      "' title 'adaptive', NaN with lines lc rgb '" + colour_drift +
      "' lw 1.5 title 'drift noticed', NaN with lines lc rgb '#000000' dt '.' lw 1.5 title 'stage begins'\n"
      "unset label\n";
  script += margins(0.435, 0.545) + lanes_panel(summary);
  script += margins(0.255, 0.405) +
            "set key at graph 0.995,0.05 right bottom horizontal Left reverse samplen 2 font ',10'\n"
            "set ylabel 'accuracy@0.2'\nset yrange [0:1.02]\nset ytics 0.25\nplot $rows using 1:5 with lines "
            "lc rgb '" +
            colour_baseline + "' lw 1.5 title 'baseline, last " + to_text(accuracy_window) +
            " rows', $rows using 1:6 with lines lc rgb '" + colour_adaptive +
            "' lw 1.5 title 'adaptive, last " + to_text(accuracy_window) + " rows'\n";
  script += margins(0.075, 0.225) +
            "set format x '%g'\nset xlabel 'row (second of the stream)'\nset ylabel 'divergence, bit'\nset "
            "yrange [0:*]\nset ytics auto\n"
            "set key at graph 0.995,1.12 right top horizontal Left reverse samplen 2 font ',10'\n" +
            signal_panel(signal);
  return script + "unset multiplot\n";
}

}  // namespace drst::plots
