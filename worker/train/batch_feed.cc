#include "worker/train/batch_feed.h"

#include <utility>

namespace ecgtrain {

BatchFeed::BatchFeed(size_t begin, size_t end, size_t ahead, std::function<Batch(size_t)> make)
    : next_(begin), end_(end), make_(std::move(make)) {
  for (size_t i = 0; i < ahead; ++i) MakeAnother();
}

Batch BatchFeed::Next() {
  std::future<Batch> first = std::move(made_.front());
  made_.pop_front();
  Batch batch = first.get();
  MakeAnother();
  return batch;
}

void BatchFeed::MakeAnother() {
  if (next_ >= end_) return;
  // Where the host allows no more threads, Next makes the batch itself.
  constexpr auto kThreadIfPossible = std::launch::async | std::launch::deferred;
  made_.push_back(std::async(kThreadIfPossible, make_, next_++));
}

}  // namespace ecgtrain
