// Samples for scripts/check-coroutines; never compiled. Nothing here is to be found.
namespace fusereplay {

struct Derived : Base<int> {
  int count{0};
  Async<void> nothing() override { co_return {}; }
};

Async<Entry> chooses(bool cached) {
  auto entry = cached ? co_await known() : co_await fetch();
  co_return entry;
}

Async<void> names_its_values() {
  const Options options{1, 2};
  auto result = co_await store(options);
  Entry entry{};
  for (const int value : {1, 2, 3}) {
    co_await add(value);
  }
  // co_await store(Options{1}); in a comment
  log("co_await store(Options{1})");
  if (!result) {
    co_return result.error();
  }
  co_return {};
}

Async<void> uses_lambdas() {
  auto guard = scope_exit([&] { forget(Options{1}); });
  co_await with([&](int value) { return Options{value}; });  // a body of its own: nothing is awaited in it
  co_return {};
}

Async<void> serves() {
  for (;;) {
    co_await next();
  }
}

Async<void> explained() {
  co_await store(Options{1});  // coroutine-ok: Options has no destructor, and the canary covers it
  co_return {};
}

// A default that is no coroutine.
Async<void> ready() {
  return Async<void>::ready({});
}

}  // namespace fusereplay
