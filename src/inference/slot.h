// The hot-swap slot between one guard (writer) and one consumer (reader), without a lock on the record path.
//
// The guard puts a loaded, verified, warmed model into `offered_`; the consumer looks between batches (one
// atomic exchange) and takes ownership; the model it replaces goes into `retired_`, which the guard empties
// and frees, so that no destructor runs on the record path. An offer that was not yet taken and is replaced
// by a newer one is freed by the guard. The releases that the judge weighs besides the live one go the same
// way, as a set, on the consumer's asking. Exactly one guard thread and one consumer thread. (GCC 12's
// atomic<shared_ptr> takes a lock and ThreadSanitizer reports it.)
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "inference/shelf.h"
#include "learn/model.h"
#include "registry/events.h"
#include "registry/registry.h"

namespace drst {

struct ServedModel {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Model::Scratch> scratch;
  std::string release;  ///< model key
  double load_ms = 0;
  bool rollback = false;
};

/// The newest release of each line that the judge's expert state names; made ready and handed over as a set.
struct ServedExperts {
  struct Line {
    std::string name;
    std::unique_ptr<ServedModel> served;
  };
  std::vector<Line> lines;
};

/// What a consumer asks its guard to make ready.
struct WantedExpert {
  std::string line;
  Pointer release;
  friend bool operator==(const WantedExpert&, const WantedExpert&) = default;
};
using WantedExperts = std::vector<WantedExpert>;

/// See above; `Offer` is what travels.
template <class Offer>
class HandOver {
 public:
  HandOver() = default;
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;
  ~HandOver() {
    delete offered_.load();
    delete retired_.load();
  }

  // guard's side
  void offer(std::unique_ptr<Offer> model) {
    delete offered_.exchange(model.release(), std::memory_order_acq_rel);
  }
  void free_retired() { delete retired_.exchange(nullptr, std::memory_order_acq_rel); }

  // consumer's side
  /// The newest offer, if there is one that was not taken before.
  std::unique_ptr<Offer> take() {
    if (offered_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    return std::unique_ptr<Offer>(offered_.exchange(nullptr, std::memory_order_acq_rel));
  }
  /// Hands back a replaced model; false if the guard has not yet freed the one before (try again at the next
  /// batch; keep it meanwhile).
  bool retire(std::unique_ptr<Offer>& model) {
    Offer* expected = nullptr;
    if (!retired_.compare_exchange_strong(expected, model.get(), std::memory_order_acq_rel)) return false;
    (void)model.release();
    return true;
  }

 private:
  std::atomic<Offer*> offered_{nullptr};
  std::atomic<Offer*> retired_{nullptr};
};

/// What one guard and one consumer share.
struct ModelSlot : HandOver<ServedModel> {
  ModelShelf shelf;
  HandOver<ServedExperts> experts;
  // The other way: the consumer offers, the guard takes.
  HandOver<WantedExperts> wanted;
  HandOver<std::vector<SwapEvent>> swaps;  ///< to be noted in the store, which may take its time
};

}  // namespace drst
