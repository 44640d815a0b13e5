#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "collect/row_sink.h"
#include "stream/log.h"

namespace drst {

namespace {

using SteadyClock = std::chrono::steady_clock;

/// Another try may do it.
bool may_pass(const std::exception_ptr& error, std::string& words) {
  try {
    std::rethrow_exception(error);
  } catch (const DiskFullError& problem) {
    words = problem.what();
    return true;
  } catch (const LeaseLost& problem) {
    words = problem.what();
    return true;
  } catch (const Error& problem) {
    words = problem.what();
    return problem.exit_code() == ExitCode::unreachable;
  } catch (...) {
    return false;
  }
}

}  // namespace

struct QueuedSink::State {
  struct Item {
    std::optional<std::vector<std::string>> columns;  // else a row
    CollectedRow row;
  };

  RowSink& sink;
  const std::size_t most_rows;
  std::mutex mutex;
  std::condition_variable changed;
  std::list<Item> waiting;  // the first may be in the sink's hands
  std::size_t rows_waiting = 0;
  bool busy = false;  // and then it is not dropped
  bool closing = false;
  std::exception_ptr failure;
  std::int64_t dropped = 0;
  std::thread thread;

  State(RowSink& sink_, std::size_t most) : sink(sink_), most_rows(most), thread([this] { work(); }) {}

  void work() {
    bool said = false;
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return closing || !waiting.empty(); });
      if (waiting.empty()) return;
      busy = true;
      const Item& item = waiting.front();  // stays where it is while others are added behind it
      lock.unlock();
      std::exception_ptr error;
      try {
        if (item.columns) {
          sink.begin(*item.columns);
        } else {
          sink.put(item.row);
        }
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      busy = false;
      std::string words;
      if (!error) {
        if (said) log::info("collect: rows are taken again, " + to_text(waiting.size() - 1) + " wait");
        said = false;
        if (!item.columns) --rows_waiting;
        waiting.pop_front();
        changed.notify_all();
      } else if (may_pass(error, words)) {
        if (!said) log::warning("collect: rows wait, and are tried again: " + words);
        said = true;
        changed.wait_for(lock, std::chrono::seconds(1), [&] { return closing; });
        if (closing) {
          // Whoever closes has waited as long as it wanted to.
          return;
        }
      } else {
        failure = error;
        changed.notify_all();
        return;
      }
    }
  }

  void throw_failure() {
    if (failure) std::rethrow_exception(failure);
  }

  void drop_oldest() {
    if (++rows_waiting <= most_rows) return;
    auto oldest = waiting.begin();
    if (busy) ++oldest;
    while (oldest->columns) ++oldest;  // the newest is a row
    auto next = waiting.erase(oldest);
    --rows_waiting;
    while (next != waiting.end() && next->columns) ++next;
    if (next != waiting.end()) next->row.follows = false;
    if (dropped++ == 0)
      log::warning("collect: more than " + to_text(most_rows) +
                   " rows wait; the oldest are dropped and counted");
  }
};

QueuedSink::QueuedSink(RowSink& sink, std::size_t most_rows)
    : state_(std::make_unique<State>(sink, most_rows)) {}

QueuedSink::~QueuedSink() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
    // What still waits was given up by finish(), or by an exception.
    while (state_->waiting.size() > (state_->busy ? 1U : 0U)) state_->waiting.pop_back();
  }
  state_->changed.notify_all();
  state_->thread.join();
}

void QueuedSink::begin(const std::vector<std::string>& columns) {
  const std::lock_guard lock(state_->mutex);
  state_->throw_failure();
  state_->waiting.push_back({columns, {}});
  state_->changed.notify_all();
}

void QueuedSink::put(const CollectedRow& row) {
  const std::lock_guard lock(state_->mutex);
  state_->throw_failure();
  state_->waiting.push_back({std::nullopt, row});
  state_->drop_oldest();
  state_->changed.notify_all();
}

void QueuedSink::finish(bool ended) {
  std::unique_lock lock(state_->mutex);
  const auto until = SteadyClock::now() + std::chrono::duration<double>(patience_s_);
  state_->changed.wait_until(lock, until, [&] { return state_->waiting.empty() || state_->failure; });
  state_->throw_failure();
  if (!state_->waiting.empty())
    throw FailedError(to_text(state_->waiting.size()) + " rows could not be delivered before the end");
  lock.unlock();  // the thread has nothing to do now
  state_->sink.finish(ended);
}

std::int64_t QueuedSink::dropped() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped;
}

}  // namespace drst
