// A question that may take its time (a socket, HTTP, a driver), asked on a thread of its own, so that who
// asks is never held up.
//
// One question at a time: while one is on its way none is asked. A question gets a deadline and should come
// back by then; one that does not is waited for, and nothing is asked meanwhile. At the end it is given
// `farewell_s` to come back; then its thread is left to itself, with all that it holds. `Asking` is for one
// thread; the question runs on the other, so what it uses must be its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "collect/monotonic.h"
#include "collect/source.h"

namespace drst {

/// The thread; `Asking` gives it something to say.
class AskingThread {
 public:
  static constexpr double farewell_s = 2;
  /// `work` gets the deadline (CLOCK_MONOTONIC, ns). Exceptions end at it: there is no answer then.
  explicit AskingThread(std::function<void(std::int64_t deadline_ns)> work);
  ~AskingThread();
  AskingThread(const AskingThread&) = delete;
  AskingThread& operator=(const AskingThread&) = delete;

  /// False where the last one is still on its way.
  bool ask(std::int64_t deadline_ns);
  [[nodiscard]] bool answered() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

template <class Answer>
class Asking {
 public:
  explicit Asking(std::function<Answer(std::int64_t deadline_ns)> question)
      : answer_(std::make_shared<std::optional<Answer>>()),
        thread_([answer = answer_, question = std::move(question)](std::int64_t deadline_ns) {
          *answer = question(deadline_ns);
        }) {}

  /// An answer that nobody took is forgotten. False: the last question is still on its way.
  bool ask(std::int64_t deadline_ns) {
    if (!thread_.answered()) return false;
    answer_->reset();
    return thread_.ask(deadline_ns);
  }
  /// Nothing is on its way.
  [[nodiscard]] bool answered() const { return thread_.answered(); }
  /// Once an answer; nullopt: not yet, taken already, or never asked.
  std::optional<Answer> take() {
    if (!thread_.answered()) return std::nullopt;
    return std::exchange(*answer_, std::nullopt);
  }

 private:
  std::shared_ptr<std::optional<Answer>> answer_;  ///< the thread's from `ask` until `answered`
  AskingThread thread_;
};

/// How long an answer may take: collect.patience of the interval, but 50 ms at least, for else none is in
/// time, and half a minute at most.
double answer_timeout_s(double patience, double interval_s);
/// The deadline of a question that is asked at the tick.
std::int64_t answer_deadline_ns(const Tick& tick, double patience);

}  // namespace drst
