// Doubly linked list whose nodes live in the elements: no allocation, O(1) removal by the element
// itself. An element unlinks in its node's destructor, so a list never points to a destroyed
// object. One thread.
#pragma once

#include "base/check.h"

namespace weir {

class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return next_ != this; }
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }

 private:
  template <typename T, typename Tag>
  friend class IntrusiveList;
  ListNode* prev_ = this;
  ListNode* next_ = this;
};

// T derives from Tag, and Tag from ListNode: an element may be in as many lists as it has tags.
template <typename T, typename Tag = ListNode>
class IntrusiveList {
 public:
  bool empty() const { return !head_.linked(); }
  T& back() { return CHECK(!empty()), as_element(head_.prev_); }
  T& front() { return CHECK(!empty()), as_element(head_.next_); }
  void push_back(T& element) {
    ListNode& node = static_cast<Tag&>(element);
    DCHECK(!node.linked());
    node.prev_ = head_.prev_;
    node.next_ = &head_;
    head_.prev_->next_ = &node;
    head_.prev_ = &node;
  }
  void push_front(T& element) {
    ListNode& node = static_cast<Tag&>(element);
    DCHECK(!node.linked());
    node.next_ = head_.next_;
    node.prev_ = &head_;
    head_.next_->prev_ = &node;
    head_.next_ = &node;
  }
  void insert_before(T& later, T& element) {
    ListNode &node = static_cast<Tag&>(element), &next = static_cast<Tag&>(later);
    DCHECK(!node.linked() && next.linked());
    node.prev_ = next.prev_;
    node.next_ = &next;
    next.prev_->next_ = &node;
    next.prev_ = &node;
  }
  // Null: it is the last one.
  T* next(T& element) {
    ListNode* const node = static_cast<Tag&>(element).next_;
    return node == &head_ ? nullptr : &as_element(node);
  }
  T* pop_front() {
    if (empty()) return nullptr;
    T& element = front();
    static_cast<Tag&>(element).unlink();
    return &element;
  }
  // Moves every element of `other` to the end of this list.
  void take_all(IntrusiveList& other) {
    if (other.empty()) return;
    ListNode &from = other.head_, &last = *head_.prev_;
    last.next_ = from.next_;
    from.next_->prev_ = &last;
    from.prev_->next_ = &head_;
    head_.prev_ = from.prev_;
    from.prev_ = from.next_ = &from;
  }
  // `visit` may unlink any element, its neighbours too: unlinked elements are not
  // visited later (trap T9). While it runs, the list holds only what has been visited.
  template <typename Visitor>
  void for_each_safe(Visitor&& visit) {
    IntrusiveList rest;
    rest.take_all(*this);
    while (T* element = rest.pop_front()) {
      push_back(*element);
      visit(*element);
    }
  }

 private:
  static T& as_element(ListNode* node) { return static_cast<T&>(static_cast<Tag&>(*node)); }
  ListNode head_;
};

}  // namespace weir
