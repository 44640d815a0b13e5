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

/// Ready to be solved for any penalty, and judged.
struct Problem {
  Network network;
  NormalEquations equations;
  const Dataset* validation = nullptr;

  Problem(const FitRequest& request, const ModelSettings& settings) : validation(request.validation) {
    // Squared errors: a relative one needs the square of the weight that an absolute one needs.
    Prepared prepared = prepare(request, settings, 2);
    equations = gather(prepared);
    network = std::move(prepared.network);
  }
  [[nodiscard]] Network with(double penalty) const {
    Network result = network;
    result.layers = {solve(equations, penalty)};
    return result;
  }
};

std::vector<Problem> fold_problems(const FitRequest& request, const ModelSettings& settings) {
  std::vector<Problem> problems;
  if (request.folds == nullptr) return problems;
  for (const Fold& fold : *request.folds) {
    FitRequest part = request;
    part.train = &fold.train;
    part.validation = &fold.validation;
    problems.emplace_back(part, settings);
  }
  return problems;
}

}  // namespace

Fit fit_ridge(const FitRequest& request, const ModelSettings& settings) {
  const Problem problem(request, settings);
  const std::vector<Problem> folds = fold_problems(request, settings);
  std::vector<double> penalties = settings.ridge_penalties;
  if (request.penalty) penalties = {*request.penalty};
  if (penalties.empty()) throw InputError("model.ridge_penalties is empty; give at least one penalty");
  Fit best;
  double least = std::numeric_limits<double>::infinity();
  for (const double penalty : penalties) {
    Fit fit;
    fit.penalty = penalty;
    fit.network = problem.with(penalty);
    if (request.validation != nullptr)
      fit.validation = evaluate(fit.network, *request.validation, settings.epsilon);
    for (const Problem& fold : folds)
      fit.stress += evaluate(fold.with(penalty), *fold.validation, settings.epsilon).bounded /
                    static_cast<double>(folds.size());
    const double loss =
        fit.validation.bounded + fit.stress;  // 0 without validation: the one penalty is taken
    if (loss >= least) continue;
    least = loss;
    best = std::move(fit);
  }
  return best;
}

}  // namespace drst::learn
