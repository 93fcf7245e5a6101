// Samples for scripts/check-coroutines; never compiled. Each line that must be found names its rule.
namespace fusereplay {

Async<Entry> chooses(bool cached) {
  auto entry = co_await (cached ? known() : fetch());  // expect: ternary
  co_return entry;
}

Async<void> passes_a_temporary() {
  co_await store(Options{1, 2});  // expect: temporary
  co_return {};
}

Async<int> passes_a_list() {
  const int sum = co_await add({1, 2, 3});  // expect: temporary
  co_return sum;
}

Async<void> awaits_beside_a_temporary() {
  combine(Options{1},  // expect: temporary
          co_await fetch());
  co_return {};
}

Async<void> awaits_in_a_condition() {
  if (co_await ready(Options{})) {  // expect: temporary
    forget();
  }
  co_return {};
}

#define TRY(expression)                     \
  ({ /* expect: statement */                \
     auto result = co_await (expression);   \
     if (!result) co_return result.error(); \
     *result;                               \
  })

Async<void> returns_nothing() {
  co_await fetch();
  co_return;  // expect: bare-return
}

Async<void> runs_off_its_end(Node& node) {  // expect: no-return
  co_await fetch();
  node.touch();
}

Async<void> may_run_off_its_end(Node& node) {  // expect: no-return
  if (node.dirty()) {
    co_return {};
  }
}

Async<void> awaits_within_a_lambda() {
  executor.spawn([this]() -> Async<void> {
    co_await store(Options{1});  // expect: temporary
    co_return {};
  });
  co_return {};
}

}  // namespace fusereplay
