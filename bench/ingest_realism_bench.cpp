// How real the simulator is: simulated tables against the published ones, as Markdown (docs/figures.md holds
// the result).
//
//   ingest_realism_bench [FOLDER]     FOLDER holds perf/combined.csv ...; default $DRST_DATA
//
// Four questions. Are the counters of the right size (quantiles)? Do they follow the rate, and themselves, as
// real ones do (correlation, lag-1 autocorrelation)? Does a neighbour do what a real one does? And the one
// that counts: is what a model learns from simulated rows worth anything on real ones? Simulated figures are
// means over kSeeds seeds.
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "ingest/simulator.h"
#include "table/csv.h"

namespace {

using drst::Table;

constexpr uint64_t kSeeds = 5;
constexpr double kRidge = 1e-2;  // on standardised features, a row

struct Pair {
  const char* name;
  const char* file;
  drst::Scenario scenario;
  drst::Topology topology;
};
constexpr Pair kPairs[] = {
    {"baseline", "combined.csv", drst::Scenario::baseline, drst::Topology::linear},
    {"resource-stimulus", "resource_stimulus_global_A-B-C_modified.csv", drst::Scenario::resource_stimulus,
     drst::Topology::linear},
    {"dag-1", "dag-1_resource_stimulus_global_A-B-C.csv", drst::Scenario::resource_stimulus,
     drst::Topology::dag_1},
};

Table simulated(const Pair& pair, std::size_t rows, uint64_t seed) {
  drst::SimulationSpec spec;
  spec.scenario = pair.scenario;
  spec.topology = pair.topology;
  spec.seed = seed;
  spec.rows = static_cast<int64_t>(rows);
  return drst::simulate_table(spec);
}

double quantile(std::span<const double> column, double q) {
  std::vector<double> values;
  for (const double x : column)
    if (!std::isnan(x)) values.push_back(x);
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

/// Pearson's r; NaN where one side does not vary.
double correlation(const std::vector<std::pair<double, double>>& pairs) {
  const auto n = static_cast<double>(pairs.size());
  double x = 0, y = 0;
  for (const auto& [a, b] : pairs) {
    x += a / n;
    y += b / n;
  }
  double xx = 0, yy = 0, xy = 0;
  for (const auto& [a, b] : pairs) {
    xx += (a - x) * (a - x);
    yy += (b - y) * (b - y);
    xy += (a - x) * (b - y);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : std::numeric_limits<double>::quiet_NaN();
}
/// Over the rows where both are present.
double correlation(std::span<const double> a, std::span<const double> b) {
  std::vector<std::pair<double, double>> pairs;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!std::isnan(a[i]) && !std::isnan(b[i])) pairs.emplace_back(a[i], b[i]);
  return correlation(pairs);
}
double autocorrelation(const Table& table, const std::string& name) {
  const auto column = table.column(name);
  std::vector<std::pair<double, double>> pairs;
  for (std::size_t i = 1; i < column.size(); ++i)
    if (table.has_previous(i) && !std::isnan(column[i]) && !std::isnan(column[i - 1]))
      pairs.emplace_back(column[i - 1], column[i]);
  return correlation(pairs);
}

/// Mean over values that are numbers.
struct Mean {
  double sum = 0, n = 0;
  void add(double x) {
    if (std::isnan(x)) return;
    sum += x;
    n += 1;
  }
  [[nodiscard]] double value() const { return n > 0 ? sum / n : std::numeric_limits<double>::quiet_NaN(); }
};

void counters(const Pair& pair, const Table& real, const std::vector<Table>& fakes) {
  const drst::ChainSchema schema;
  std::printf("\n**%s** against `%s` (%zu rows)\n\n", pair.name, pair.file, real.rows());
  std::printf(
      "| columns | log10(simulated/real) p10 | p50 | p90 | r with output_rate real | simulated | lag-1 real "
      "| simulated |\n");
  std::printf("|---|---|---|---|---|---|---|---|\n");
  int within = 0, all = 0, signs = 0, strong = 0, near = 0;
  const auto line = [&](const std::string& name, const std::vector<std::string>& columns) {
    Mean q[3], r_real, r_fake, a_real, a_fake;
    for (const std::string& column : columns) {
      const double correlation_real = correlation(real.column(column), real.column("output_rate"));
      const double lag_real = autocorrelation(real, column);
      r_real.add(correlation_real);
      a_real.add(lag_real);
      Mean ratio, r, a;
      for (const Table& fake : fakes) {
        for (int i = 0; i < 3; ++i) {
          const double at = 0.1 + 0.4 * i;
          q[i].add(std::log10(std::max(1.0, quantile(fake.column(column), at)) /
                              std::max(1.0, quantile(real.column(column), at))));
        }
        ratio.add(quantile(fake.column(column), 0.5) / std::max(1.0, quantile(real.column(column), 0.5)));
        r.add(correlation(fake.column(column), fake.column("output_rate")));
        a.add(autocorrelation(fake, column));
      }
      r_fake.add(r.value());
      a_fake.add(a.value());
      all += 1;
      within += std::abs(ratio.value() - 1) <= 0.25;
      near += std::abs(a.value() - lag_real) <= 0.2;
      if (std::abs(correlation_real) < 0.1) continue;
      strong += 1;
      signs += r.value() * correlation_real > 0;
    }
    std::printf("| %s | %+.2f | %+.2f | %+.2f | %+.2f | %+.2f | %+.2f | %+.2f |\n", name.c_str(),
                q[0].value(), q[1].value(), q[2].value(), r_real.value(), r_fake.value(), a_real.value(),
                a_fake.value());
  };
  for (const std::string& kpi : schema.kpis) line(kpi, {kpi});
  for (const std::string& event : schema.events) {
    std::vector<std::string> columns;
    for (const std::string& vnf : schema.vnfs) columns.push_back(std::string(vnf).append("_").append(event));
    line("*_" + event, columns);
  }
  std::printf(
      "\nMedian within 25 %%: %d of %d columns; sign of r right: %d of the %d with |r| >= 0.1; lag-1 within "
      "0.2: %d of %d.\n",
      within, all, signs, strong, near, all);
}

/// What a second is like in which a VNF has at most 60 % of its core's cycles and packets are lost, against
/// the others.
struct Effect {
  Mean output, ipc, misses_a_cycle, share;
};
void effect(const Table& table, Effect& e) {
  const drst::ChainSchema schema;
  const auto in = table.column("input_rate"), out = table.column("output_rate");
  for (const std::string& vnf : schema.vnfs) {
    const auto cycles = table.column(vnf + "_cycles"), instructions = table.column(vnf + "_instructions");
    const auto misses = table.column(vnf + "_cache-misses");
    const double full = quantile(cycles, 0.5);
    std::vector<double> lost, ipc[2], miss[2];
    double hit = 0;
    for (std::size_t i = 3; i < table.rows(); ++i) {
      if (std::isnan(cycles[i]) || cycles[i] <= 0 || !table.has_previous(i) || !table.has_previous(i - 1))
        continue;
      const bool contended = cycles[i] < 0.6 * full && out[i] < 0.95 * in[i];
      if (!contended && cycles[i] < 0.99 * full) continue;
      if (contended) lost.push_back(out[i] / in[i]);
      hit += contended;
      ipc[contended].push_back(instructions[i] / cycles[i]);
      miss[contended].push_back(misses[i] / cycles[i]);
    }
    e.share.add(hit / static_cast<double>(table.rows()));
    if (lost.empty()) continue;
    for (const double x : lost) e.output.add(x);
    e.ipc.add(quantile(ipc[1], 0.5) / quantile(ipc[0], 0.5));
    e.misses_a_cycle.add(quantile(miss[1], 0.5) / quantile(miss[0], 0.5));
  }
}

/// Ridge on log1p of the counters of this second and the one before, target log of output_rate.
class Ridge {
 public:
  void fit(const Table& table, std::size_t begin, std::size_t end) {
    Eigen::MatrixXd x;
    Eigen::VectorXd y;
    std::tie(x, y) = rows(table, begin, end);
    mean_ = x.colwise().mean();
    x.rowwise() -= mean_;
    scale_ = (x.array().square().colwise().mean()).sqrt().max(1e-6);
    x.array().rowwise() /= scale_.array();
    intercept_ = y.mean();
    const auto n = static_cast<double>(x.rows());
    const Eigen::MatrixXd gram =
        x.transpose() * x + kRidge * n * Eigen::MatrixXd::Identity(x.cols(), x.cols());
    weights_ = gram.ldlt().solve(x.transpose() * (y.array() - intercept_).matrix());
  }
  /// Share of rows predicted within 20 %.
  [[nodiscard]] double accuracy(const Table& table, std::size_t begin, std::size_t end) const {
    auto [x, y] = rows(table, begin, end);
    x.rowwise() -= mean_;
    x.array().rowwise() /= scale_.array();
    const Eigen::ArrayXd error = ((x * weights_).array() + intercept_ - y.array()).exp() - 1;
    return (error.abs() <= 0.2).cast<double>().mean();
  }

 private:
  static std::pair<Eigen::MatrixXd, Eigen::VectorXd> rows(const Table& table, std::size_t begin,
                                                          std::size_t end) {
    const std::vector<std::string> names = drst::ChainSchema().counter_names();
    const auto out = table.column("output_rate");
    const auto n = static_cast<Eigen::Index>(names.size());
    Eigen::MatrixXd x(static_cast<Eigen::Index>(end - begin), 2 * n);
    Eigen::VectorXd y(x.rows());
    for (Eigen::Index f = 0; f < n; ++f) {
      const auto column = table.column(names[static_cast<std::size_t>(f)]);
      const double median = quantile(column, 0.5);  // stands in for what was not counted
      const auto value = [&](std::size_t row) {
        return std::log1p(std::isnan(column[row]) ? median : column[row]);
      };
      for (std::size_t i = begin; i < end; ++i) {
        const auto r = static_cast<Eigen::Index>(i - begin);
        x(r, f) = value(i);
        x(r, n + f) = value(table.has_previous(i) ? i - 1 : i);
        y(r) = std::log(std::max(1.0, out[i]));
      }
    }
    return {std::move(x), std::move(y)};
  }
  Eigen::RowVectorXd mean_, scale_;
  Eigen::VectorXd weights_;
  double intercept_ = 0;
};

void run(const std::filesystem::path& folder) {
  std::vector<Table> reals;
  std::vector<std::vector<Table>> fakes;
  for (const Pair& pair : kPairs) {
    reals.push_back(drst::read_csv(folder / "perf" / pair.file));
    fakes.emplace_back();
    for (uint64_t seed = 1; seed <= kSeeds; ++seed)
      fakes.back().push_back(simulated(pair, reals.back().rows(), seed));
    counters(pair, reals.back(), fakes.back());
  }

  std::printf(
      "\n**A neighbour on a VNF's core** (seconds with loss: mean output/input, medians against seconds of a "
      "full core)\n\n");
  std::printf(
      "| table | output/input | IPC, ratio | LLC misses a cycle, ratio | share of seconds a VNF "
      "|\n|---|---|---|---|---|\n");
  for (std::size_t p = 1; p < std::size(kPairs); ++p) {
    Effect real, fake;
    effect(reals[p], real);
    for (const Table& table : fakes[p]) effect(table, fake);
    for (const auto& [name, e] : {std::pair<const char*, const Effect*>{"real", &real}, {"simulated", &fake}})
      std::printf("| %s, %s | %.2f | %.2f | %.2f | %.3f |\n", kPairs[p].name, name, e->output.value(),
                  e->ipc.value(), e->misses_a_cycle.value(), e->share.value());
  }

  std::printf(
      "\n**Train on one, test on the other** (ridge on log1p, this second and the one before; "
      "accuracy@0.2)\n\n");
  std::printf(
      "| table | real first half -> real second half | simulated -> real | simulated -> simulated | real -> "
      "simulated |\n|---|---|---|---|---|\n");
  for (std::size_t p = 0; p < std::size(kPairs); ++p) {
    const std::size_t n = reals[p].rows();
    Ridge half, whole;
    half.fit(reals[p], 0, n / 2);
    whole.fit(reals[p], 0, n);
    Mean to_real, to_fake, from_real;
    for (std::size_t s = 0; s < kSeeds; ++s) {
      Ridge ridge;
      ridge.fit(fakes[p][s], 0, n);
      to_real.add(ridge.accuracy(reals[p], 0, n));
      to_fake.add(ridge.accuracy(fakes[p][(s + 1) % kSeeds], 0, n));
      from_real.add(whole.accuracy(fakes[p][s], 0, n));
    }
    std::printf("| %s | %.3f | %.3f | %.3f | %.3f |\n", kPairs[p].name, half.accuracy(reals[p], n / 2, n),
                to_real.value(), to_fake.value(), from_real.value());
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const char* folder = argc > 1 ? argv[1] : std::getenv("DRST_DATA");
    if (folder == nullptr) throw drst::InputError("give the folder of real tables, or set DRST_DATA");
    run(folder);
    return 0;
  } catch (const drst::Error& error) {
    std::cerr << "ingest_realism_bench: " << error.what() << "\n";
    return static_cast<int>(error.exit_code());
  }
}
