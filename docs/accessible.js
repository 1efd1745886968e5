// What mdBook's pages lack for a keyboard and a screen reader.
(() => {
    // The label that shows the table of contents is a button, which is reached and pressed with the keyboard, too. mdBook's
    // own script goes on with the label.
    const label = document.getElementById("mdbook-sidebar-toggle");
    const checkbox = document.getElementById("mdbook-sidebar-toggle-anchor");
    const button = document.createElement("button");
    button.type = "button";
    for (const { name, value } of label.attributes) {
        if (name !== "for") {
            button.setAttribute(name, value);
        }
    }
    button.append(...label.childNodes);
    label.replaceWith(button);
    button.addEventListener("click", () => {
        label.click();
        checkbox.click();
    });
    const copy = () => button.setAttribute("aria-expanded", label.getAttribute("aria-expanded"));
    new MutationObserver(copy).observe(label, { attributeFilter: ["aria-expanded"] });

    document.getElementById("mdbook-menu-bar").setAttribute("role", "banner");

    // What is wider than the page is scrolled with the keyboard, too.
    const wide = () => {
        for (const block of document.querySelectorAll("pre > code, .table-wrapper")) {
            if (block.scrollWidth > block.clientWidth) {
                block.tabIndex = 0;
            } else {
                block.removeAttribute("tabindex");
            }
        }
    };
    wide();
    window.addEventListener("resize", wide);
})();
