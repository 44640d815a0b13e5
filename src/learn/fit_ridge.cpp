#include <Eigen/Dense>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "learn/families.h"
#include "learn/fitting.h"

namespace drst::learn {
namespace {

/// Weighted normal equations of [x, 1] against z.
struct NormalEquations {
  Eigen::MatrixXd gram;
  Eigen::VectorXd moment;
  double weight = 0;
};

NormalEquations gather(const Prepared& data) {
  const auto width = static_cast<Eigen::Index>(data.network.inputs.size());
  const auto rows = static_cast<Eigen::Index>(data.z.size());
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::MatrixXd x(rows, width + 1);
  x.leftCols(width) = Eigen::Map<const RowMajor>(data.x.data(), rows, width).cast<double>();
  x.col(width).setOnes();
  const Eigen::VectorXd z = Eigen::Map<const Eigen::VectorXf>(data.z.data(), rows).cast<double>();
  Eigen::VectorXd weight = Eigen::VectorXd::Ones(rows);
  if (!data.weight.empty())
    weight = Eigen::Map<const Eigen::VectorXf>(data.weight.data(), rows).cast<double>();
  const Eigen::MatrixXd weighted = weight.asDiagonal() * x;
  return {x.transpose() * weighted, weighted.transpose() * z, weight.sum()};
}

Dense solve(const NormalEquations& equations, double penalty) {
  Eigen::MatrixXd system = equations.gram;
  const Eigen::Index width = system.rows() - 1;
  // The intercept is not penalised; its tiny term only keeps the factorisation away from zero.
  for (Eigen::Index i = 0; i < width; ++i) system(i, i) += penalty * equations.weight;
  system(width, width) += 1e-12 * equations.weight;
  const Eigen::VectorXd beta = system.ldlt().solve(equations.moment);
  Dense layer{static_cast<std::size_t>(width),
              1,
              std::vector<float>(static_cast<std::size_t>(width)),
              {static_cast<float>(beta(width))}};
  for (Eigen::Index i = 0; i < width; ++i)
    layer.weights[static_cast<std::size_t>(i)] = static_cast<float>(beta(i));
  return layer;
}

}  // namespace

Fit fit_ridge(const FitRequest& request, const ModelSettings& settings) {
  // Squared errors: a relative one needs the square of the weight that an absolute one needs.
  Prepared prepared = prepare(request, settings, 2);
  const NormalEquations equations = gather(prepared);
  Fit fit;
  fit.network = std::move(prepared.network);
  double best = std::numeric_limits<double>::infinity();
  std::vector<double> penalties = settings.ridge_penalties;
  if (request.penalty) penalties = {*request.penalty};
  if (penalties.empty()) throw InputError("model.ridge_penalties is empty; give at least one penalty");
  for (const double penalty : penalties) {
    Network candidate = fit.network;
    candidate.layers = {solve(equations, penalty)};
    Metrics metrics;
    if (request.validation != nullptr) metrics = evaluate(candidate, *request.validation, settings.epsilon);
    const double loss = request.validation == nullptr ? 0 : metrics.bounded;
    if (loss >= best) continue;
    best = loss;
    fit.validation = metrics;
    fit.penalty = penalty;
    fit.network.layers = std::move(candidate.layers);
  }
  return fit;
}

}  // namespace drst::learn
