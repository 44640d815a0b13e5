#include "tuning/refit.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "base/random.h"
#include "learn/families.h"
#include "learn/scaler.h"

namespace drst::tuning {
namespace {

std::vector<float> standardised(const Network& network, const Dataset& data) {
  std::vector<float> x(data.x.size());
  if (!x.empty()) transform_inputs(network, data.x, data.rows(), x);
  return x;
}

}  // namespace

double bounded_error(float prediction, float truth, double epsilon) {
  const double y = static_cast<double>(truth);
  const double error = std::abs(static_cast<double>(prediction) - y) / std::max(std::abs(y), epsilon);
  return error < 1 ? error : 1;  // NaN is not less than 1
}

double bounded_loss(const Network& network, const Dataset& data, double epsilon) {
  return evaluate(network, data, epsilon).bounded;
}

std::size_t Pool::draw(double u) const {
  const auto found = std::upper_bound(cumulative.begin(), cumulative.end(), u * cumulative.back());
  return std::min(static_cast<std::size_t>(found - cumulative.begin()), rows() - 1);
}

namespace {
/// The error that counts is relative. Where the target is no logarithm, rows are drawn by 1/|y|, as training
/// weights them: else a few large values drag the network away from all others. The sum stays.
void make_relative(std::span<double> weight, std::span<const float> y, double floor) {
  double before = 0, after = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    before += weight[i];
    weight[i] /= std::max(std::abs(static_cast<double>(y[i])), floor);
    after += weight[i];
  }
  if (after > 0)  // they may all be none
    for (double& one : weight) one *= before / after;
}
}  // namespace

std::vector<double> row_weights(const Material& material, const TuningSettings& settings) {
  const std::size_t n = material.recent.rows();
  std::vector<double> weight(n + material.offline.rows(), settings.offline_weight);
  for (std::size_t i = 0; i < n; ++i)
    weight[i] = std::exp(-static_cast<double>(n - 1 - i) / settings.memory_decay);
  return weight;
}

Pool make_pool(Network& network, const Material& material, const TuningSettings& settings) {
  widen_clipping(network, material.recent);
  Pool pool;
  pool.width = network.inputs.size();
  pool.x = standardised(network, material.recent);
  const auto offline = standardised(network, material.offline);
  pool.x.insert(pool.x.end(), offline.begin(), offline.end());
  std::vector<float> y = material.recent.y;
  y.insert(y.end(), material.offline.y.begin(), material.offline.y.end());
  const double floor = target_floor(y, material.target_floor_share);
  pool.z = standardise_target(network, y, floor);
  const std::size_t n = material.recent.rows();
  std::vector<double> weight = row_weights(material, settings);
  if (!network.exponential) {
    make_relative(std::span(weight).first(n), std::span(y).first(n), floor);
    make_relative(std::span(weight).subspan(n), std::span(y).subspan(n), floor);
  }
  pool.cumulative.resize(weight.size());
  std::partial_sum(weight.begin(), weight.end(), pool.cumulative.begin());
  return pool;
}

void fine_tune(Network& network, const Pool& pool, const TuningSettings& settings,
               const TrainOptions& options, uint64_t seed) {
  if (pool.rows() == 0) return;
  Random random(seed);
  Trainer trainer(network.layers, network.activation, options);
  const std::size_t batch = options.batch;
  std::vector<float> x(batch * pool.width);
  std::vector<float> z(batch);
  const auto steps = static_cast<std::size_t>(settings.refit_steps);
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < batch; ++i) {
      const std::size_t row = pool.draw(random.uniform());
      std::copy_n(pool.x.begin() + static_cast<std::ptrdiff_t>(row * pool.width), pool.width,
                  x.begin() + static_cast<std::ptrdiff_t>(i * pool.width));
      z[i] = pool.z[row];
    }
    if (settings.refit_noise > 0)
      for (float& value : x) value += static_cast<float>(settings.refit_noise * random.normal());
    const double left = 1 - static_cast<double>(step) / static_cast<double>(steps);
    trainer.set_learning_rate(options.learning_rate * std::max(left, settings.refit_final_rate_share));
    trainer.step({x, z, {}});
  }
  network.layers = trainer.layers();
}

Network refit(Network network, const Material& material, const TuningSettings& settings, uint64_t seed) {
  const Pool pool = make_pool(network, material, settings);
  TrainOptions options;
  options.learning_rate = settings.refit_learning_rate;
  options.batch = static_cast<std::size_t>(settings.refit_batch);
  options.weight_decay = settings.refit_weight_decay;
  options.seed = seed;
  fine_tune(network, pool, settings, options, seed);
  return network;
}

std::vector<Network> refit_all(const std::vector<Network>& networks, const Material& material,
                               const TuningSettings& settings, uint64_t seed) {
  std::vector<Network> refitted;
  refitted.reserve(networks.size());
  for (std::size_t k = 0; k < networks.size(); ++k)
    refitted.push_back(refit(networks[k], material, settings, k == 0 ? seed : Random(seed).fork(k)()));
  return refitted;
}

std::shared_ptr<const Model> model_of(const std::vector<Network>& networks) {
  const auto model = [](const Network& network) {
    return make_model(network, network.hidden().empty() ? "ridge" : "mlp");
  };
  if (networks.size() == 1) return model(networks.front());
  std::vector<MixtureMember> members;
  members.reserve(networks.size());
  for (const auto& network : networks) members.push_back({model(network), 1});
  return make_mixture(std::move(members), networks.front().exponential, "mixture");
}

Network with_new_inputs(Network network, const std::vector<std::string>& inputs, const Dataset& recent) {
  const std::unordered_set<std::string> known(network.inputs.begin(), network.inputs.end());
  std::vector<std::string> fresh;
  for (const auto& input : inputs)
    if (!known.contains(input)) fresh.push_back(input);
  if (fresh.empty() || recent.rows() == 0) return network;

  const Dataset seen = with_inputs(recent, fresh);
  std::vector<std::size_t> rows(seen.rows());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  Network ends;
  const bool log_inputs =
      std::any_of(network.log1p.begin(), network.log1p.end(), [](uint8_t flag) { return flag != 0; });
  fit_inputs(ends, seen, rows, {log_inputs, !network.low.empty()});
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(network.inputs, fresh);
  append(network.impute, ends.impute);
  if (!network.log_factor.empty() || !ends.log_factor.empty()) {
    network.log_factor.resize(network.inputs.size() - fresh.size(), 1);
    ends.log_factor.resize(fresh.size(), 1);
    append(network.log_factor, ends.log_factor);
  }
  append(network.log1p, ends.log1p);
  append(network.shift, ends.shift);
  append(network.scale, ends.scale);
  append(network.low, ends.low);
  append(network.high, ends.high);
  network.stand_in = stand_ins(network.inputs);
  Dense& first = network.layers.front();
  first.inputs = network.inputs.size();
  first.weights.resize(first.inputs * first.outputs,
                       0.0F);  // row-major by input: new inputs are new last rows
  return network;
}

}  // namespace drst::tuning
