// A network with the places of its inputs among the stream's columns. Internal to this room. One thread.
#pragma once

#include <string>
#include <vector>

#include "nn/network.h"

namespace drst::tuning {

class Predictor {
 public:
  Predictor() = default;
  explicit Predictor(Network network) : network_(std::move(network)) {}
  /// `values` by `columns`, which may have grown since the last call but never change otherwise.
  float predict(const std::vector<float>& values, const std::vector<std::string>& columns);
  [[nodiscard]] const Network& network() const { return network_; }

 private:
  void match(const std::vector<std::string>& columns);

  Network network_;
  std::vector<std::size_t> source_;  ///< column of each input; beyond the last: there is none
  std::size_t columns_ = 0;          ///< matched so far
  std::vector<float> raw_;
  Workspace workspace_;
};

}  // namespace drst::tuning
