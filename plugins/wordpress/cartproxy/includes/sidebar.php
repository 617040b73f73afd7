<?php
/**
 * The sidebar widget of the store's own plugin: a list of products, here with their buttons.
 */

declare(strict_types=1);

namespace Cartproxy;

defined( 'ABSPATH' ) || exit;

class Sidebar extends \WP_Widget {

	public function __construct() {
		parent::__construct(
			Legacy\SIDEBAR,
			__( 'Products of the shop', 'cartproxy' ),
			array(
				'description'           => __( 'Products with their buttons, by their catalog ids.', 'cartproxy' ),
				'show_instance_in_rest' => true,
			)
		);
	}

	/** Print the list, as themes ask for it. */
	public function widget( $args, $instance ): void { // phpcs:ignore Generic.CodeAnalysis
		$title = apply_filters( 'widget_title', Products\text( $instance['title'] ?? '' ), $instance, $this->id_base );
		$items = '';
		foreach ( preg_split( '/[\s,;]+/', Products\text( $instance['catalog_ids'] ?? '' ), -1, PREG_SPLIT_NO_EMPTY ) as $catalog_id ) {
			// A plain link: in sidebars, themes give links colours that can't be read on a button.
			$button = Legacy\button( $catalog_id, array( 'link' => '' ), Legacy\product( $catalog_id ) );
			$items .= sprintf( '<li class="shift4shop_widget_product">%s</li>', $button );
		}
		// phpcs:disable WordPress.Security.EscapeOutput -- the theme's own HTML, and what is escaped.
		echo $args['before_widget'];
		if ( '' !== $title ) {
			echo $args['before_title'] . $title . $args['after_title'];
		}
		printf( '<div id="shift4shop_widget"><ul id="shift4shop_widget_products">%s</ul></div>', $items );
		echo $args['after_widget'];
		// phpcs:enable
	}

	public function form( $instance ): void {
		$labels = array(
			'title'       => __( 'Title', 'cartproxy' ),
			'catalog_ids' => __( 'Catalog ids, with commas between them', 'cartproxy' ),
		);
		foreach ( $labels as $name => $label ) {
			printf(
				'<p><label for="%1$s">%2$s</label> <input class="widefat" id="%1$s" name="%3$s" value="%4$s"></p>',
				esc_attr( $this->get_field_id( $name ) ),
				esc_html( $label ),
				esc_attr( $this->get_field_name( $name ) ),
				esc_attr( Products\text( $instance[ $name ] ?? '' ) )
			);
		}
	}

	public function update( $new_instance, $old_instance ): array {
		return array_map( 'sanitize_text_field', array_intersect_key( $new_instance, array_flip( array( 'title', 'catalog_ids' ) ) ) );
	}
}
